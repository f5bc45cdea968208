"""How harpi proves itself to the broker: a password from a file, certificates."""

from __future__ import annotations

import ssl
from pathlib import Path

from harpi.config.schema import MqttSection, TlsSection
from harpi.config.secrets import read_secret
from harpi.errors import ConfigError


def login(section: MqttSection) -> tuple[str | None, str | None]:
    """Give user name and password.

    Raises:
        ConfigError: the password file cannot be read, is empty, or everybody may read it.
    """
    if section.password_file is None:
        return section.username, None
    password = read_secret("mqtt.password_file", Path(section.password_file))
    return section.username, password


def tls_context(section: TlsSection) -> ssl.SSLContext:
    """Build the TLS side of the connection; the broker's name is always checked.

    Raises:
        ConfigError: a certificate or key cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=section.ca_file)
    except OSError as error:
        raise ConfigError(
            f"is no certificate authority: {error.strerror or error}",
            where=f"mqtt.tls.ca_file {section.ca_file}",
            remedy="Give a file of certificates in PEM form",
        ) from None
    if section.cert_file is not None:
        try:
            context.load_cert_chain(section.cert_file, section.key_file)
        except OSError as error:
            raise ConfigError(
                f"certificate and key cannot be used: {error.strerror or error}",
                where=f"mqtt.tls.cert_file {section.cert_file}",
                remedy="Give a certificate and its key in PEM form",
            ) from None
    return context


def reason_of(error: BaseException | None) -> str:
    """Say in a few words why a connection did not come about."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS as harpi does"
    if isinstance(error, TimeoutError):
        return "no answer"
    return getattr(error, "strerror", None) or str(error)
