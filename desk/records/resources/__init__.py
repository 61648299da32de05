"""The library at the desk: resources, and what people suggest as one."""
