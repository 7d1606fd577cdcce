"""Whether a model treats groups of patients alike: gaps between them, raw, adjusted and matched."""
