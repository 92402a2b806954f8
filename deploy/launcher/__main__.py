"""``python -m deploy.launcher``: the `onewindow` command."""

from deploy.launcher.cli import app

app(prog_name="onewindow")
