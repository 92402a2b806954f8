"""Private RabbitMQ and PostgreSQL for one run: given by address, in containers, or from Debian's packages."""

from deploy.servers.broker import RabbitmqServer, rabbitmq
from deploy.servers.children import ServerFailed
from deploy.servers.machine import Missing
from deploy.servers.postgresql import PostgresServer, postgres

__all__ = ["Missing", "PostgresServer", "RabbitmqServer", "ServerFailed", "postgres", "rabbitmq"]
