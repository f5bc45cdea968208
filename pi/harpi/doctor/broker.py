"""The MQTT broker."""

from __future__ import annotations

from harpi.config.checks import is_loopback
from harpi.doctor.finding import NotExamined, Outcome, fail, ok, warn
from harpi.doctor.patient import Patient
from harpi.errors import BrokerError
from harpi.publish.subscriber import Subscriber


def broker(patient: Patient) -> Outcome:
    """Connect to the broker as harpi does."""
    mqtt = patient.config.mqtt
    if not mqtt.enabled:
        raise NotExamined("it is off (mqtt.enabled)")
    where = f"{mqtt.host}:{mqtt.port}"
    try:
        Subscriber(mqtt, patient.config.device.name, names=("status",)).close()
    except BrokerError as error:
        refused = "cannot be reached" in error.problem
        if refused and is_loopback(mqtt.host):
            return fail(
                f"{where}: {error.problem}",
                "Start it with 'sudo systemctl start mosquitto', or install it with 'sudo apt "
                "install mosquitto'; or set mqtt.host, or mqtt.enabled = false",
            )
        return fail(f"{where}: {error.problem}", error.remedy)
    if patient.condition is not None and not (
        patient.condition.broker and patient.condition.broker.connected
    ):
        return warn(
            f"{where} takes this program, but the running harpi is not connected",
            "Its log says why: 'journalctl -u harpi'; restart it if the settings were changed",
        )
    who = f", as {mqtt.username}" if mqtt.username else ""
    return ok(f"{where} accepts the connection{who}{', encrypted' if mqtt.tls.enabled else ''}")
