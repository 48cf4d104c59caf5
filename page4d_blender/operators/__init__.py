"""What the artist can do; no rules of its own, they are in core and scene."""


def register() -> None:
    from . import footage, importing, local_server, look, mattes, properties, solve

    for module in (properties, look, footage, mattes, importing, local_server, solve):
        module.register()


def unregister() -> None:
    from . import footage, importing, local_server, look, mattes, properties, solve

    for module in (solve, local_server, importing, mattes, footage, look, properties):
        module.unregister()
