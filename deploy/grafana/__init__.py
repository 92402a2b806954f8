"""The dashboards, written in Python and committed as Grafana's JSON: ``python -m deploy.grafana write``."""
