"""What routes ask for: the services of their process, and that a call names no parameter there is not."""

from typing import Annotated

from fastapi import Depends, Request

from app.api.wording import unknown
from app.errors import Invalid
from app.services import Services


def services_of(request: Request) -> Services:
    services: Services = request.scope["app"].state.services
    return services


ServicesOf = Annotated[Services, Depends(services_of)]


async def only_known_parameters(request: Request) -> None:
    """Raises Invalid: a misspelt filter must not be silently ignored."""
    known = [each.alias for each in request.scope["route"].dependant.query_params]
    wrong = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if wrong:
        what = "query parameter of this call"
        raise Invalid(errors=[{"field": name, "reason": unknown(name, known, what)} for name in wrong])
