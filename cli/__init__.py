"""The flask commands, for operators."""

from flask import Flask

from cli import (
    accounts,
    codes,
    demo,
    directory,
    doctor,
    members,
    orgs,
    services,
    setup,
    sweep,
    tokens,
)


def register(app: Flask) -> None:
    """Put the commands into ``app``."""
    for command in (
        orgs.org,
        accounts.account,
        members.member,
        codes.code,
        directory.directory,
        tokens.token,
        services.service,
        demo.demo,
        sweep.sweep,
        doctor.doctor,
        setup.setup,
    ):
        app.cli.add_command(command)
