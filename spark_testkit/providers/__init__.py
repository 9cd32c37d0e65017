"""How a planned service becomes a running one."""
