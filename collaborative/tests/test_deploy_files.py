"""The files of `deploy/` agree with the code: every setting, every command, every path."""

import gc
import re
import runpy
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands
from django.test import RequestFactory
from django.urls import get_resolver

from collaborative.env import bind_addresses, read
from collaborative.middleware import access_log
from collaborative.sso_settings import SERVICE_SETTINGS
from collaborative.tests.databases import PORTAL_SETTINGS
from collaborative.tests.test_settings import PRODUCTION, ROOT
from teams.workdays import add_working_days

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
RUNNING = "/srv/portal/current"
# Of development: the port of `make run`.
NOT_FOR_PRODUCTION = {"PORT"}


def names_of_settings() -> set[str]:
    """What the code reads from the environment."""
    read = re.compile(r"""(?:\bread\(\s*|environ\.get\(\s*|environ\[)["']([A-Z][A-Z_]+)["']""")
    sources = [
        *ROOT.glob("collaborative/*.py"),
        *ROOT.glob("members/*.py"),
        *ROOT.glob("teams/*.py"),
    ]
    sources.append(DEPLOY / "gunicorn.conf.py")
    names = {name for source in sources for name in read.findall(source.read_text())}
    return names | {f"SSO_RUSH_{part}" for part in SERVICE_SETTINGS}


def examples() -> dict[str, tuple[str, str]]:
    """Each setting of the example: its value, and the comment above it."""
    settings_by_name, comment = {}, []
    for line in (DEPLOY / "portal.env.example").read_text().splitlines():
        if setting := re.fullmatch(r"#?([A-Z][A-Z_]+)=(.*)", line):
            settings_by_name[setting[1]] = setting[2], " ".join(comment)
        elif line.startswith("# "):
            comment.append(line[2:])
        else:
            comment = []
    return settings_by_name


def unit(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Sections of a unit; a name may come more than once."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            sections[line.strip("[]")] = section = []
        elif line and not line.startswith("#"):
            name, sign, value = line.partition("=")
            assert sign, line
            section.append((name, value))
    return sections


def test_example_has_every_setting_that_the_code_reads_and_no_other():
    assert set(examples()) == names_of_settings() - NOT_FOR_PRODUCTION


def test_example_explains_each_setting_and_holds_no_secret():
    for name, (value, comment) in examples().items():
        assert len(comment) > 20, name
        if re.search("SECRET|TOKEN|KEY|DSN", name):
            assert value == "", name


def test_settings_page_has_every_setting_too():
    table = (ROOT / "docs" / "settings.md").read_text()
    names = {name for name in examples() if not name.startswith("SSO_RUSH")}
    missing = {name for name in names if f"`{name}`" not in table}
    assert not missing


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_service_runs_what_is_there_as_a_user_without_rights(path):
    service = dict(unit(path)["Service"])
    assert service["WorkingDirectory"] == RUNNING
    python, *command = service["ExecStart"].split()
    assert python == f"{RUNNING}/.venv/bin/python"
    if command[0] == "manage.py":
        assert command[1] in get_commands()
        assert (ROOT / "manage.py").is_file()
    else:
        assert command[:3] == ["-m", "gunicorn", "-c"]
        assert (ROOT / command[3]).is_file()
    assert service["User"] == "portal"
    for name in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "PrivateDevices"):
        assert service[name] == "yes", name
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert service["MemoryMax"]
    files = [value for name, value in unit(path)["Service"] if name == "EnvironmentFile"]
    assert files[0] == "/etc/portal/portal.env"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_timer_and_socket_belong_to_a_service(path):
    assert path.with_suffix(".service") in SERVICES
    if path.suffix != ".service":
        assert "Install" in unit(path)


def test_what_keeps_running_is_started_again_and_given_time_to_end():
    for name in ("portal-web", "portal-mail"):
        service = dict(unit(DEPLOY / f"systemd/{name}.service")["Service"])
        assert service["Restart"] == "always"
        assert int(service["TimeoutStopSec"]) > 30, "less than gunicorn's graceful_timeout"


def test_web_server_ends_with_one_sentence_and_is_not_started_again(monkeypatch, capsys):
    """The first setting that is read is wrong, or the last."""
    shipped, begins = "deploy/gunicorn.conf.py", "The portal cannot start. {} is set to a value "
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", shipped],
        cwd=ROOT,
        env={**PRODUCTION, "SECRET_KEY": "hunter2"},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "/hunter2/that/is/not/there")
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / shipped))
    for name, error in {
        "SECRET_KEY": done.stderr,
        "PROMETHEUS_MULTIPROC_DIR": capsys.readouterr().err,
    }.items():
        (said,) = error.splitlines()
        assert said.startswith(begins.format(name) + "that cannot be used")
        assert "hunter2" not in said
    service = dict(unit(DEPLOY / "systemd/portal-web.service")["Service"])
    assert str(done.returncode) == str(ended.value.code) == service["RestartPreventExitStatus"]


def test_what_portal_manage_makes_can_be_read_by_nginx():
    """Static files and the page of 503; what is secret (backups, keys) has a mode of its own."""
    masks = re.findall(r"UMask=(\d+)", (DEPLOY / "portal-manage").read_text())
    assert not any(int(mask, 8) & 0o055 for mask in masks)


def test_web_server_loads_what_workers_share_without_a_database(request):
    """A test that has no database may not connect to one."""
    request.addfinalizer(partial(gc.set_threshold, *gc.get_threshold()))
    add_working_days.cache_clear()
    runpy.run_path(str(DEPLOY / "gunicorn.conf.py"))["when_ready"](None)
    assert add_working_days.cache_info().currsize == 1


@pytest.mark.parametrize("bind", ["127.0.0.1:8000", "[::1]:8000,10.0.0.12:8000", "unix:/run/web"])
def test_web_server_listens_where_it_is_told(bind):
    assert bind_addresses(bind) == bind


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.1:port", "127.0.0.1:0", ":8000", "unix:x"])
def test_web_server_refuses_to_listen_nowhere(bind, monkeypatch):
    monkeypatch.setenv("BIND", bind)
    with pytest.raises(ImproperlyConfigured, match="^BIND is set to a value that cannot be used"):
        read("BIND", bind_addresses, "Set it.")


def test_no_setting_of_the_shell_reaches_the_tests():
    of_hospitals = {f"SSO_RUSH_{part}" for part in SERVICE_SETTINGS} | {"SSO_PROVIDERS"}
    assert names_of_settings() - of_hospitals - {"DEBUG", "CACHE_URL"} <= PORTAL_SETTINGS


def test_nginx_speaks_to_the_socket_that_systemd_opens():
    socket = dict(unit(DEPLOY / "systemd/portal-web.socket")["Socket"])
    assert f"server unix:{socket['ListenStream']} " in (DEPLOY / "nginx.conf").read_text()
    assert socket["SocketGroup"] == "www-data"


needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")


@needs_systemd
def test_systemd_takes_the_units(tmp_path):
    """With an interpreter that is there: the check is also whether the command can be run."""
    for path in UNITS:
        text = path.read_text().replace(f"{RUNNING}/.venv/bin/python", "/bin/true")
        (tmp_path / path.name).write_text(text)
    units = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        check=False,
        capture_output=True,
        text=True,
    )
    ours = [line for line in done.stderr.splitlines() if "portal-" in line]
    assert not ours


@needs_systemd
@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_services_are_closed_off(path):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", path],
        check=False,
        capture_output=True,
        text=True,
    )
    if "Unknown" in done.stderr or "unrecognized option" in done.stderr:
        pytest.skip("systemd-analyze is too old for this")
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@pytest.mark.parametrize("page", ["README.md", "many-machines.md"])
def test_pages_name_only_what_is_there(page):
    text = (DEPLOY / page).read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (DEPLOY / target).exists() or target == "single-sign-on.md", target
    for command in re.findall(r"portal-manage ([a-z_]+)", text):
        assert command in get_commands(), command


def test_environment_made_as_the_pages_say_is_empty(tmp_path):
    """No pip, no setuptools: nothing that the lock does not name, each with its hash."""
    pages = [DEPLOY / "README.md", ROOT / "docs" / "operating.md"]
    lines = [line for page in pages for line in page.read_text().splitlines()]
    make, _ = [line for line in lines if re.match(r"python3 -m venv .*\.venv$", line)]
    assert lines.count(make) == len(pages)
    fill, other = [line for line in lines if "install --require-hashes" in line]
    subprocess.run([sys.executable, *make.split()[1:]], cwd=tmp_path, check=True)
    (libraries,) = tmp_path.glob(".venv/lib/python3*/site-packages")
    assert list(libraries.iterdir()) == []
    for line in (fill, other):
        assert re.fullmatch(r"\S+/installer/bin/pip --python \.venv/bin/python install .*", line)


def test_lock_names_no_installer():
    names = re.findall(r"(?m)^([\w.-]+)==", (ROOT / "requirements.txt").read_text())
    assert len(names) > 30
    assert {"pip", "setuptools", "wheel", "distribute"}.isdisjoint(names)


def test_manage_script_is_a_script():
    script = DEPLOY / "portal-manage"
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0


def test_nginx_logs_no_secret_that_the_portal_leaves_out():
    """Every address with an argument of SECRET_ARGUMENTS is among those that nginx shortens, and
    among those that the portal shortens before it knows their view."""
    config = (DEPLOY / "nginx.conf").read_text()
    shortened = re.findall(r'^    "~\*(\^/\S+)" "/', config, re.MULTILINE)
    assert shortened
    secret_addresses = [
        "/" + re.sub(r"%\((\w+)\)s", "secret", possibility)
        for _, values in get_resolver().reverse_dict.lists()
        for possibilities, *_ in values
        for possibility, arguments in possibilities
        if set(arguments) & set(access_log.SECRET_ARGUMENTS)
    ]
    assert "/my/calendar/secret.ics" in secret_addresses
    for address in secret_addresses:
        assert any(re.match(pattern, address, re.IGNORECASE) for pattern in shortened), address
        request = RequestFactory().get(address)
        request.resolver_match = None
        assert "secret" not in access_log.loggable_path(request)
