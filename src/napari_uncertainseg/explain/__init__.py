"""Why the model doubts: what lies behind the doubt of lesions."""
