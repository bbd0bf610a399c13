"""Reader of GE CardioSoft XML."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ..errors import RecordError
from .channels import Channel, Recording
from .device_facts import age_in_years, describe_filters, sex_of
from .ecg_file import EcgFile
from .xml_tree import number_of, parse_xml, sample_values, text_of

_UNIT = "uvperlsb"
_YES = ("yes", "true", "on")


def read_cardiosoft(file: EcgFile) -> Recording:
    """Read the strip of all leads, or else the full disclosure of an exercise test."""
    root = parse_xml(file.data)
    strips = [s for s in root.findall(".//StripData") if s.find("WaveformData") is not None]
    disclosure = root.find(".//FullDisclosure")
    if strips:
        channels = tuple(_strip_channels(strips[0]))
    elif disclosure is not None:
        channels = tuple(_disclosed_channels(disclosure))
    else:
        raise RecordError("it has no StripData with waveforms; expected a resting ECG.")
    several = f"{len(strips)} strips in one file: the first was read"
    age = root.find(".//PatientInfo/Age")
    unit = (age.get("units") if age is not None else None) or "years"
    return Recording(
        channels=channels,
        name=file.name,
        warnings=(several,) if len(strips) > 1 else (),
        age_years=age_in_years(number_of(age), unit),
        sex=sex_of(text_of(root, ".//PatientInfo/Gender")),
        filters=_filters(root.find(".//FilterSetting")),
    )


def _strip_channels(strip: Element) -> Iterator[Channel]:
    """Yield the leads of a strip, one WaveformData each; those of median beats lie elsewhere."""
    rate_hz, scale_uv = _rate_hz(strip), _scale_uv(strip)
    for waveform in strip.findall("WaveformData"):
        samples = sample_values(waveform.text or "") * scale_uv
        if samples.size:
            yield Channel(
                name=waveform.get("lead") or "", samples=samples, rate_hz=rate_hz, unit="uV"
            )


def _disclosed_channels(disclosure: Element) -> Iterator[Channel]:
    """Yield the leads of a full disclosure, whose samples alternate between the leads."""
    names = [name.strip() for name in text_of(disclosure, "LeadOrder").split(",") if name.strip()]
    values = sample_values(disclosure.findtext("FullDisclosureData") or "")
    if not names or values.size < len(names):
        raise RecordError("its full disclosure has no leads with samples.")
    rate_hz, scale_uv = _rate_hz(disclosure), _scale_uv(disclosure)
    samples = values.size // len(names)
    rows = values[: samples * len(names)].reshape(samples, len(names)).T * scale_uv
    for name, row in zip(names, rows, strict=True):
        yield Channel(name=name, samples=row, rate_hz=rate_hz, unit="uV")


def _rate_hz(element: Element) -> float:
    rate_hz = number_of(element, "SampleRate")
    if rate_hz is None or rate_hz <= 0:
        raise RecordError("it gives no sampling rate; expected SampleRate above 0.")
    return rate_hz


def _scale_uv(element: Element) -> float:
    """Return the size of a step in µV."""
    resolution, scale = element.find("Resolution"), number_of(element, "Resolution")
    unit = (resolution.get("units") or _UNIT if resolution is not None else "").lower()
    if not scale or unit != _UNIT:
        raise RecordError("it gives no resolution in uVperLsb.")
    return scale


def _filters(setting: Element | None) -> str | None:
    notch = [hz for hz in (50.0, 60.0) if text_of(setting, f"Filter{hz:g}Hz").lower() in _YES]
    return describe_filters(
        number_of(setting, "HighPass"),
        number_of(setting, "LowPass"),
        notch[0] if notch else None,
    )
