"""The door for people's programs: every act and every view of intake as JSON; errors are problem
documents."""

from services.intake.api.applications import applications
from services.intake.api.cases import cases
from services.intake.api.materials import materials

routers = [applications, materials, cases]

__all__ = ["applications", "cases", "materials", "routers"]
