"""The face of Lineside: the command line, `lineside up` and `lineside doctor`."""
