"""The stimuli: all conditions of a clip, cut to the same part and set to the same loudness."""
