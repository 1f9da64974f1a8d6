"""Model-based difficulty signals of contrast quadruples: H, s_CLIP and d_OT."""
