"""What a model costs in time, beside plain code and beside the machine."""
