"""What a machine needs besides code: servers, launcher, catalogue, departments, audit."""
