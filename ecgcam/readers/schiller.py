"""Reader of Schiller XML (SEMA EDI)."""

from xml.etree.ElementTree import Element

from ..errors import RecordError
from .channels import Channel, Recording
from .device_facts import age_between, sex_of
from .ecg_file import EcgFile
from .xml_tree import number_of, parse_xml, sample_values, text_of

_RHYTHMS = ("ECG_RHYTHMS", "ECG_RHYTHM")


def read_schiller(file: EcgFile) -> Recording:
    """Read the rhythm of all leads; averaged beats are left alone."""
    root = parse_xml(file.data)
    waves = [w for w in root.findall(".//wavedata") if text_of(w, "type").upper() in _RHYTHMS]
    if not waves:
        raise RecordError("it has no wavedata of type ECG_RHYTHMS.")
    wave = max(waves, key=lambda w: len(w.findall("channel")))
    rate_hz = _rate_hz(wave)
    scale, unit = _scale(wave)
    channels = [
        Channel(
            name=text_of(channel, "name"),
            samples=sample_values(text_of(channel, "data")) * scale,
            rate_hz=rate_hz,
            unit=unit,
        )
        for channel in wave.findall("channel")
        if text_of(channel, "datastype").upper() in ("COMMASEPARATE", "")
    ]
    channels = [channel for channel in channels if channel.samples.size]
    if not channels:
        raise RecordError("its channels hold no comma-separated samples.")
    return Recording(
        channels=tuple(channels),
        name=file.name,
        age_years=age_between(
            text_of(root, ".//patdata/birthdate"), text_of(root, ".//startdatetime/date")
        ),
        sex=sex_of(text_of(root, ".//patdata/gender")),
    )


def _rate_hz(wave: Element) -> float:
    """Return the rate, in samplerate itself or in its value."""
    samplerate = wave.find("resolution/samplerate")
    rate_hz = number_of(samplerate, "value") or number_of(samplerate)
    if rate_hz is None or rate_hz <= 0 or number_of(samplerate, "exponent") not in (None, 0, 1):
        raise RecordError("it gives no sampling rate; expected samples per second above 0.")
    return rate_hz


def _scale(wave: Element) -> tuple[float, str]:
    """Return the size of a step and its unit, µV where the file names none."""
    yres = wave.find("resolution/yres")
    scale = number_of(yres, "unitperbit") or number_of(yres)
    if not scale:
        raise RecordError("it gives no amplitude per bit.")
    return scale, text_of(yres, "units") or "uV"
