"""The HTTP API: thin routes over the services, problems for every error, one page of OpenAPI."""

from app.api.application import create_app

__all__ = ["create_app"]
