"""The pieces, put together as the configuration says."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import msgspec

from harpi.commands import Event
from harpi.config.schema import Config
from harpi.daemon.recognition import Recognition
from harpi.daemon.sensor import AxisTransform, PowerSaving, SensorClaim, Wearing, make_chip
from harpi.daemon.status import (
    Housekeeping,
    Recent,
    condition_of,
    health_message,
    status_line,
    totals_of,
)
from harpi.errors import AlreadyRunning
from harpi.imu.bus import Bus, SmbusBus
from harpi.imu.health import SensorHealth
from harpi.imu.sampler import Sampler
from harpi.memory import use_few_arenas
from harpi.publish.messages import Condition, Health, LinkFigures, RecentFigures
from harpi.signal.ring import Ring
from harpi.signal.windows import WindowMaker
from harpi.store.claim import StateClaim
from harpi.stream import Stream
from harpi.supervisor import Supervisor
from harpi.systemd import Notifier
from harpi.timebase import SystemTime, Timebase
from harpi.types import Samples, Verdict, Window

if TYPE_CHECKING:
    from harpi.controls.gpio import Gpio
    from harpi.daemon.services import Services
    from harpi.learning.models import LoadedModels
    from harpi.publish.publisher import MqttPublisher
    from harpi.session import Session
    from harpi.web.server import WebServer

log = logging.getLogger(__name__)

_PATIENCE: Final = 5.0
"""Seconds to wait for a command that changes takes while no daemon runs."""
NOT_CONNECTED: Final = LinkFigures(sent=0, dropped=0, connections=0)
"""Figures of the link where MQTT is switched off."""


class Daemon:
    """Samples, recognises, publishes.

    Either `start` it, and everything runs on threads of its own until `stop` (`with` does
    both); or `open` it and let it `play` for some seconds at a time, and all but the link
    to the broker and the learning happens in the calling thread: so it goes on virtual time.

    Args:
        config: all settings.
        bus: where the sensor is; the one that is configured where not given.
        timebase: the time in which it samples.
        notifier: the way to systemd; none where not given.
        gpio: the pins of buttons and lights; those of this computer where not given.
        patient: a sensor that does not start is waited for, instead of giving up.
        supervisor: sees what goes wrong on any thread, and says when the process has to end.

    Attributes:
        ring: the signal of the last seconds.
        recognition: makes verdicts of samples.
        stream: where all is told that happens: `Samples` on the sampling thread, a `Verdict` on
            that of the recognition, an `Event` of the session, `News` of the diary.
        recognisers: the three models; there once it is started or open.
        session: where commands go; likewise.
        publisher: the link to the broker; likewise, and None where MQTT is switched off.
        page: the server of the page; likewise. `start` starts it, `open` does not.

    Raises:
        SensorError: the bus cannot be opened, and `patient` is off.
        ConfigError: a setting that the chip does not have.
    """

    recognisers: LoadedModels
    session: Session
    publisher: MqttPublisher | None = None
    page: WebServer | None = None

    def __init__(
        self,
        config: Config,
        *,
        bus: Bus | None = None,
        timebase: Timebase | None = None,
        notifier: Notifier | None = None,
        gpio: Gpio | None = None,
        patient: bool = False,
        supervisor: Supervisor | None = None,
    ) -> None:
        self.supervisor = supervisor or Supervisor()
        self.stream = Stream(self.supervisor)
        self.config = config
        self.timebase: Timebase = timebase or SystemTime()
        self._notifier = notifier or Notifier({})
        self._gpio = gpio
        self._patient = patient
        self._teaching: Services | None = None
        self._begun = self.timebase.monotonic()
        self._recent = Recent(self._begun)
        self._forever = threading.Event()
        self._wearing = Wearing()

        sensor, signal = config.sensor, config.signal
        self.ring = Ring(signal.ring_seconds, sensor.rate)
        maker = WindowMaker(sensor.rate, signal.rate, signal.length, signal.hop)
        self.recognition = Recognition(
            self.ring,
            maker,
            self._judge,
            self.stream.tell,
            input_rate=sensor.rate,
            window_seconds=signal.length / signal.rate,
            supervisor=self.supervisor,
        )
        self.stream.subscribe(Samples, self.recognition.feed)
        self._shares_bus = bus is None
        self._state_claim: StateClaim | None = None
        self._claim: SensorClaim | None = None
        self._bus = bus or (
            SmbusBus(sensor.bus, at_once=False) if patient else SmbusBus(sensor.bus)
        )
        self._corrections = AxisTransform(config, self.supervisor)
        self._chip = make_chip(config, self._bus, self.timebase, self._corrections.calibration)
        self._resting = PowerSaving(sensor, self._nap)
        self.sampler = Sampler(
            self._chip,
            self.timebase,
            self._spread,
            batch=sensor.batch,
            hop_seconds=signal.hop / signal.rate,
            first_window_seconds=(signal.length - 1) / signal.rate
            + 2 * maker.delay
            + 1 / sensor.rate,
            check_seconds=sensor.check_seconds,
            may_nap=self._resting.may_nap,
            supervisor=self.supervisor,
            on_doubt=self._doubt,
        )
        self._housekeeping = Housekeeping(
            self.sampler,
            self._notifier,
            self.timebase,
            watch=self._lately,
            report=self._report,
            report_seconds=config.mqtt.health_seconds,
            overdue=lambda: self.recognition.overdue,
            supervisor=self.supervisor,
        )

    # --- on threads of its own ----------------------------------------------------------

    def start(self) -> None:
        """Start everything; the models are loaded while the chip resets.

        Raises:
            SensorError: the sensor does not start, and `patient` is off.
            ModelError: a model cannot be used.
            ConfigError: the password file or a certificate cannot be used.
            AlreadyRunning: another program of harpi uses the sensor or the state folder.
        """
        use_few_arenas()
        if self._shares_bus:
            self._claim = SensorClaim(self.config)
        try:
            self._state_claim = StateClaim(self.config.paths.state_folder, patience=_PATIENCE)
        except AlreadyRunning:
            self._release()
            raise
        preparing = ThreadPoolExecutor(1, "preparing")
        preparation = preparing.submit(self._prepare)
        preparing.shutdown(wait=False)
        try:
            self.sampler.start(patient=self._patient)
            teaching = preparation.result()
            self._join_up(teaching)
            teaching.start()
            # Only now: another daemon at the socket would have raised.
            if self.publisher is not None:
                self.publisher.start()
            if self.page is not None:
                from harpi.daemon.services import start_page

                start_page(self.page)
        except BaseException:
            wait([preparation])
            self.stop()
            raise
        self.recognition.start()
        self._housekeeping.start()
        self._notifier.ready()

    def stop(self) -> None:
        """End what was started, within a second or two; harmless when nothing was."""
        self._notifier.stopping()
        self._housekeeping.stop()
        self.sampler.stop()
        self.recognition.stop()
        if self.page is not None:
            self.page.stop()
        if self._teaching is not None:
            self._teaching.stop()
        if self.publisher is not None:
            self.publisher.stop()
        self._bus.close()
        self._release()

    def _release(self) -> None:
        """Leave sensor and state to others."""
        for claim in (self._claim, self._state_claim):
            if claim is not None:
                claim.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        log.info("ending")
        self.stop()

    # --- in the calling thread ----------------------------------------------------------

    def open(self) -> None:
        """Load the models and set up the link to the broker, but let no time pass yet.

        Raises:
            ModelError: a model cannot be used.
            ConfigError: the password file or a certificate cannot be used.
        """
        use_few_arenas()
        teaching = self._prepare()
        self._join_up(teaching)
        if self.publisher is not None:
            self.publisher.start()
        teaching.open()

    def play(self, seconds: float) -> None:
        """Go on for some seconds.

        Raises:
            SensorError: the chip does not start, the first time.
        """
        end = self.timebase.monotonic() + seconds
        while (due := self.sampler.next_drain) <= end:
            self.timebase.wait(self._forever, due - self.timebase.monotonic())
            self.sampler.drain()
            self.recognition.work()
            self.session.work()
            if self._teaching is not None:
                self._teaching.tick()
            self._housekeeping.tick()
        self.timebase.wait(self._forever, end - self.timebase.monotonic())

    # --- what flows between the pieces --------------------------------------------------

    def _prepare(self) -> Services:
        """Make what the sampling does not need; the imports alone take a while."""
        from harpi.daemon.services import Services, make_page
        from harpi.learning.models import load_models
        from harpi.publish.publisher import HISTORY_FILE, MqttPublisher

        mqtt = self.config.mqtt
        if mqtt.enabled:
            history = self.config.paths.state_folder / HISTORY_FILE
            self.publisher = MqttPublisher(
                mqtt, self.config.device.name, history, self.supervisor
            )
        self.recognisers = load_models(self.config)
        self._teaching = Services(
            self.config,
            self.recognisers,
            self.timebase,
            self.publisher,
            self.stream,
            lambda: msgspec.json.encode(self.condition()),
            self._wearing.posture,
            self._gpio,
            self.supervisor,
        )
        self.page = make_page(
            self.config,
            session=self._teaching.session,
            ring=self.ring,
            store=self._teaching.store,
            condition=self.condition,
            recognisers=self.recognisers,
            timebase=self.timebase,
            supervisor=self.supervisor,
            keeper=self._teaching.keeper,
        )
        return self._teaching

    def _join_up(self, teaching: Services) -> None:
        """Let samples flow to whoever was made in the meantime."""
        self.session = teaching.session
        self.session.watch(self.sampler.watch)
        tell = self.stream.subscribe
        tell(Event, self._corrections.hear)
        tell(Event, self._resting.hear)
        tell(Samples, self.session.feed)
        tell(Verdict, self._wearing.see)
        tell(Verdict, self._resting.see)
        if self.page is not None:
            tell(Verdict, self.page.show)
        if self.publisher is not None:
            tell(Verdict, partial(self.publisher.publish_verdict, timebase=self.timebase))
        log.info(
            "%s, %d samples per second, a window of %g s every %g s",
            self._chip.where,
            self.config.sensor.rate,
            self.config.signal.length / self.config.signal.rate,
            self.config.signal.hop / self.config.signal.rate,
        )

    def _spread(self, samples: Samples) -> None:
        self.stream.tell(self._corrections.turn(samples))

    def _doubt(self, begin: float, end: float, why: str) -> None:
        if self._teaching is not None:
            self._teaching.session.doubt(begin, end, why)

    def _nap(self) -> None:
        self.sampler.nap()

    def _judge(self, window: Window) -> Verdict:
        return self.recognisers.panel.judge(window)

    def health(self) -> Health:
        """Say how the device does."""
        return self._health_of(self.sampler.health())

    def condition(self) -> Condition:
        """Say how the device does, what is wrong, and what to do; once it is started."""
        sensor = self.sampler.health()
        head = self.recognisers.personal.head
        notices = (*self.session.situation.notices, *self._corrections.notices)
        if self._teaching is not None:
            notices += self._teaching.problems
        if head is None and self.recognisers.notice:
            notices = (*notices, self.recognisers.notice)
        wearing = self._wearing.hints(sensor.state, learnt=head is not None)
        page = self.page
        return condition_of(
            self.config,
            sensor,
            self._health_of(sensor),
            self._lately(sensor),
            connected=self.publisher is not None and self.publisher.connected,
            troubles=() if self.publisher is None else self.publisher.troubles(),
            room=None if self._teaching is None else self._teaching.room(),
            page=page.url if page is not None and page.serving else None,
            calibration=self._corrections.condition(self._chip),
            faults=self.supervisor.problems(),
            notices=notices,
            hints=(*wearing, *self._corrections.hints),
        )

    def _lately(self, sensor: SensorHealth) -> RecentFigures:
        totals = totals_of(sensor, self.recognition.figures())
        return self._recent.note(self.timebase.monotonic(), totals)

    def _health_of(self, sensor: SensorHealth) -> Health:
        return health_message(
            sensor,
            chip=self._chip.identity.name,
            uptime=self.timebase.monotonic() - self._begun,
            recognition=self.recognition.figures(),
            link=NOT_CONNECTED if self.publisher is None else self.publisher.figures(),
            models=self.recognisers.figures(),
            faults=self.supervisor.counts(),
            timebase=self.timebase,
        )

    def _report(self, sensor: SensorHealth) -> str:
        health = self._health_of(sensor)
        if self.publisher is not None:
            self.publisher.publish_health(health)
        waiting = self.publisher is not None and not self.publisher.connected
        mqtt = self.config.mqtt
        return status_line(health, waits_for=f"{mqtt.host}:{mqtt.port}" if waiting else "")
