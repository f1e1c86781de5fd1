"""Every condition of a clip, cut and levelled alike."""
