"""What lets a wearer teach the device: takes, learner, session, and the doors to it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harpi.commands import Event
from harpi.config.schema import Config, DiarySection
from harpi.controls.buttons import Buttons
from harpi.controls.gpio import Gpio, RpiGpio
from harpi.controls.leds import Leds
from harpi.controls.patient_gpio import PatientGpio
from harpi.controls.socket import ControlSocket
from harpi.daemon.examiner import Examiner
from harpi.diary.keeper import Keeper, News
from harpi.diary.store import FILE_NAME as DIARY_FILE
from harpi.errors import AlreadyRunning, ControlError, StoreError
from harpi.evaluation.runs import FILE_NAME as RUNS_FILE
from harpi.evaluation.runs import RunLog
from harpi.files import volatile
from harpi.learning.learner import Learner
from harpi.learning.models import LoadedModels
from harpi.names import ANSWER
from harpi.publish.commands import MqttCommands
from harpi.publish.homeassistant import Discovery
from harpi.publish.messages import DiaryToday, EndedBout, State
from harpi.publish.publisher import MqttPublisher
from harpi.session import Session
from harpi.signal.orientation import PostureWatch
from harpi.signal.ring import Ring
from harpi.store.database import StorageUsage
from harpi.store.store import FILE_NAME, Store
from harpi.stream import Stream
from harpi.supervisor import Supervisor
from harpi.timebase import Timebase
from harpi.types import Verdict

if TYPE_CHECKING:
    from harpi.publish.messages import Condition
    from harpi.web.server import WebServer

log = logging.getLogger(__name__)


class _Door(Protocol):
    """A way to the session that runs on a thread of its own."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Services:
    """The session with all that it needs.

    A store, a socket or a pin that cannot be used is said, and the daemon goes on without it.

    Args:
        config: all settings.
        recognisers: who gets what is learnt.
        timebase: the clock of the samples.
        publisher: link to the broker, not started yet; None where MQTT is switched off.
        stream: where all is told that happens.
        examine: tells how the device does, for the socket.
        posture: gets to know how the sensor is held in takes.
        gpio: the pins; those of this computer where not given.
        supervisor: sees what goes wrong on the threads.

    Attributes:
        session: where commands go.

    Raises:
        UsageError: the configuration asks for a head that the base does not have.
    """

    def __init__(
        self,
        config: Config,
        recognisers: LoadedModels,
        timebase: Timebase,
        publisher: MqttPublisher | None,
        stream: Stream,
        examine: Callable[[], bytes],
        posture: PostureWatch,
        gpio: Gpio | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        supervisor = supervisor or Supervisor()
        self._store = _open_store(config)
        self._volatile = _volatile(config)
        self._readable = self._store
        if isinstance(self._store, StoreError):
            self._readable = _open_to_read(config) or self._store
        self._learner = Learner(
            config,
            self._readable,
            recognisers.base,
            recognisers.shelf,
            recognisers.personal,
            recognisers.knn,
            posture,
            recognisers.panel.answerer,
            supervisor,
        )
        self._examiner = Examiner(config, supervisor)
        self._keeper = _make_keeper(config, recognisers, timebase, stream, supervisor)
        self.session = Session(
            config,
            self._store,
            self._learner,
            self._examiner,
            timebase,
            supervisor,
            stream,
            self._keeper,
        )
        self._doors: list[_Door] = []
        self._gpio: PatientGpio | None = None
        self._discovery: Discovery | None = None
        if self._keeper is not None:
            self._keeper.position = self.session.situation.position
            stream.subscribe(Event, self._keeper.hear)
            stream.subscribe(Verdict, self._keeper.see)
            stream.subscribe(News, self._tell_nudge)
            if publisher is not None:
                stream.subscribe(News, partial(_publish, publisher, config.diary))
        runtime = config.paths.runtime_folder
        labels = config.learning.labels
        if publisher is not None:
            answers = {one.name: one.labels for one in recognisers.panel.recognisers}
            answers[ANSWER] = recognisers.knn.labels
            self._discovery = Discovery(publisher, self.session, config, answers)
            stream.subscribe(Verdict, self._discovery.see)
            runs = RunLog(config.paths.state_folder / RUNS_FILE)
            self._doors.append(
                MqttCommands(publisher, self.session, config.mqtt.commands, runs)
            )
        if config.buttons.enabled or config.leds.enabled:
            self._gpio = PatientGpio(lambda: gpio or RpiGpio(runtime), timebase)
            if config.buttons.enabled:
                self._doors.append(
                    Buttons(
                        self.session, self._gpio, config.buttons, labels, timebase, supervisor
                    )
                )
            if config.leds.enabled:
                leds = Leds(self.session, self._gpio, config.leds, labels, timebase, supervisor)
                self._doors.append(leds)
                stream.subscribe(Verdict, leds.show)
                stream.subscribe(News, lambda news: leds.nudge(bool(news.nudge)))
        if config.socket.enabled:
            local = ControlSocket(
                self.session,
                runtime,
                config.socket,
                examine=examine,
                look_again=self.session.look_at_runs,
                supervisor=supervisor,
            )
            self._doors.append(local)
            stream.subscribe(Verdict, _LocalStates(local, timebase).show)

    def open(self) -> None:
        """Begin to learn what the store holds already."""
        self._examiner.open()
        self._learner.start()

    def start(self) -> None:
        """Begin to learn, and open all doors.

        Raises:
            AlreadyRunning: another daemon serves the socket.
        """
        self.open()
        self.session.start()
        if self._keeper is not None:
            self._keeper.start()
        for door in self._doors:
            try:
                door.start()
            except AlreadyRunning:
                raise
            except ControlError as error:
                log.warning("%s Going on without it.", error)

    def stop(self) -> None:
        """Close the doors, keep the take that is being recorded, and end."""
        for door in self._doors:
            door.stop()
        self.session.stop()
        if self._keeper is not None:
            self._keeper.stop()
        self._examiner.close()
        self._learner.close()
        if self._discovery is not None:
            self._discovery.close()
        if self._gpio is not None:
            self._gpio.close()
        if isinstance(self._readable, Store):
            self._readable.close()

    def tick(self) -> None:
        """Do what has become due, where there are no threads."""
        if self._keeper is not None:
            self._keeper.tick()

    @property
    def store(self) -> Store | StoreError:
        """The takes, to look at; or why they cannot be."""
        return self._readable

    @property
    def keeper(self) -> Keeper | None:
        """Who keeps the diary; None where that is switched off."""
        return self._keeper

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with state, pins and diary, and what to do about it; sentences."""
        pins = () if self._gpio is None else self._gpio.problems
        diary = () if self._keeper is None else self._keeper.problems
        return (*self._volatile, *pins, *diary)

    def room(self) -> StorageUsage | None:
        """Tell how much room the takes have; None where the store cannot tell."""
        if isinstance(self._readable, StoreError):
            return None
        try:
            return self._readable.room()
        except StoreError:
            return None

    def _tell_nudge(self, news: News) -> None:
        if news.nudged and news.nudge is not None:
            nudge = news.nudge
            self.session.tell(
                f"{nudge.activity} for {nudge.minutes:.0f} minutes: time for something else."
            )


def _publish(publisher: MqttPublisher, section: DiarySection, news: News) -> None:
    for bout in news.ended:
        publisher.publish_bout(EndedBout.of(bout))
    publisher.publish_diary(DiaryToday.of(news, section))


def _make_keeper(
    config: Config,
    recognisers: LoadedModels,
    timebase: Timebase,
    stream: Stream,
    supervisor: Supervisor,
) -> Keeper | None:
    """Make who keeps the diary; None where it is switched off."""
    if not config.diary.enabled:
        return None

    def models() -> str:
        made_of = recognisers.figures()
        generic, head = made_of["generic"], made_of["personal"].source
        return f"{generic.source} ({generic.digest}), {head or 'no head'}"

    path = config.paths.state_folder / DIARY_FILE
    return Keeper(
        config.diary, path, timebase, models=models, tell=stream.tell, supervisor=supervisor
    )


class _LocalStates:
    """Tells verdicts to those who watch at the local socket, as `/state` does over MQTT."""

    def __init__(self, local: ControlSocket, timebase: Timebase) -> None:
        self._local = local
        self._timebase = timebase
        self._verdicts = 0

    def show(self, verdict: Verdict) -> None:
        """Tell a verdict, where anybody watches."""
        if self._local.watched:
            state = State.of(verdict, self._verdicts, self._timebase)
            self._local.tell("state", state.encode())
        self._verdicts += 1


def _volatile(config: Config) -> tuple[str, ...]:
    """Say where takes and heads would be gone after a reboot of a Raspberry Pi.

    Elsewhere a folder in memory is what somebody wants who tries harpi out.
    """
    with contextlib.suppress(OSError):
        model = Path("/proc/device-tree/model").read_bytes()
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
        kind = volatile(config.paths.state_folder, mounts)
        if model.startswith(b"Raspberry Pi") and kind is not None:
            told = f"Takes and heads would not survive a reboot: paths.state is {kind}."
            log.warning("%s", told)
            return (f"{told} `harpi doctor` says what to do.",)
    return ()


def _open_to_read(config: Config) -> Store | None:
    """Open a store that cannot be written, so that the kNN still learns from it."""
    try:
        return Store(config.paths.state_folder / FILE_NAME, config.store, read_only=True)
    except StoreError:
        return None


def _open_store(config: Config) -> Store | StoreError:
    try:
        return Store(config.paths.state_folder / FILE_NAME, config.store)
    except StoreError as error:
        log.warning("%s Nothing can be recorded.", error)
        return error


def make_page(
    config: Config,
    *,
    session: Session,
    ring: Ring,
    store: Store | StoreError,
    condition: Callable[[], Condition],
    recognisers: LoadedModels,
    timebase: Timebase,
    supervisor: Supervisor,
    keeper: Keeper | None = None,
) -> WebServer | None:
    """Make the server of the page; None where it is switched off or cannot be.

    Raises:
        ConfigError: the password file or the certificate cannot be used.
    """
    if not config.web.enabled:
        return None
    from harpi.evaluation.runs import FILE_NAME

    try:
        from harpi.web.server import WebServer
    except ModuleNotFoundError as error:
        log.error(
            "web.enabled: the page needs %s. Run 'sudo harpi setup --page' on a Pi, "
            "elsewhere 'pip install starlette uvicorn'. "
            "Going on without the page.",
            error.name,
        )
        return None
    from harpi.web.messages import Sources

    sources = Sources(
        room=session,
        ring=ring,
        store=store,
        condition=condition,
        evaluations=config.paths.state_folder / FILE_NAME,
        shelf=recognisers.shelf,
        base=recognisers.base,
        timebase=timebase,
        keeper=keeper,
    )
    return WebServer(config, sources, supervisor)


def start_page(page: WebServer) -> None:
    """Serve the page; where that cannot be, say so and go on."""
    try:
        page.start()
    except ControlError as error:
        log.error("%s Going on without the page.", error)
