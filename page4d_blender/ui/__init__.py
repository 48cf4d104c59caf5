"""What the artist sees: the sidebar tab, and the preferences."""


def register() -> None:
    from . import adjust_panel, preferences, scene_panel, solve_panel

    for module in (preferences, solve_panel, scene_panel, adjust_panel):
        module.register()


def unregister() -> None:
    from . import adjust_panel, preferences, scene_panel, solve_panel

    for module in (adjust_panel, scene_panel, solve_panel, preferences):
        module.unregister()
