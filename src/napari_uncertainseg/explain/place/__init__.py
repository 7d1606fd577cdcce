"""Where in the brain lesions lie: zones, and distances to the ventricles, the cortex and the brain's edge.

`zones.find_zones` looks once at a scan and its brain; `lesions.place_lesions` then reads the places of
lesions off it, as often as their outlines change.
"""
