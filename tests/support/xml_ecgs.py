"""Writers of the XML formats of devices, plainly, to test the readers with.

Each takes rows (leads, time) of whole steps and the names of the leads, and names a person whom no
reader may show: Jane Doe, ID-4711, born on 15 June 1950, recorded on 14 June 2010.
"""

import base64
import zlib

import numpy as np

IDENTITY = ("Doe", "Jane", "4711", "1950", "15-06", "06-15")


def base64_of(row, dtype="<i2"):
    text = base64.b64encode(np.asarray(row).astype(dtype).tobytes()).decode()
    return "\n".join(text[k : k + 76] for k in range(0, len(text), 76))


def joined(row, separator=" "):
    return separator.join(str(int(number)) for number in row)


def muse(rows, leads, *, step="4.88", unit="MICROVOLTS", kind="Rhythm", crc=zlib.crc32, off=()):
    def lead(name, row):
        data = np.asarray(row).astype("<i2").tobytes()
        return f"""<LeadData><LeadByteCountTotal>{len(data)}</LeadByteCountTotal>
            <LeadSampleCountTotal>{len(row)}</LeadSampleCountTotal>
            <LeadAmplitudeUnitsPerBit>{step}</LeadAmplitudeUnitsPerBit>
            <LeadAmplitudeUnits>{unit}</LeadAmplitudeUnits><LeadID>{name}</LeadID>
            <LeadSampleSize>2</LeadSampleSize><LeadOff>{str(name in off).upper()}</LeadOff>
            <LeadDataCRC32>{crc(data)}</LeadDataCRC32>
            <WaveFormData>{base64_of(row)}</WaveFormData></LeadData>"""

    def waveform(kind, rows):
        return f"""<Waveform><WaveformType>{kind}</WaveformType>
            <SampleBase>500</SampleBase><SampleExponent>0</SampleExponent>
            <HighPassFilter>5</HighPassFilter><LowPassFilter>150</LowPassFilter>
            <ACFilter>NONE</ACFilter>{"".join(map(lead, leads, rows))}</Waveform>"""

    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
        <!DOCTYPE RestingECG SYSTEM "restecg.dtd">
        <RestingECG><PatientDemographics><PatientID>ID-4711</PatientID>
        <PatientAge>59</PatientAge><AgeUnits>YEARS</AgeUnits>
        <DateofBirth>06-15-1950</DateofBirth><Gender>FEMALE</Gender>
        <PatientLastName>Doe</PatientLastName><PatientFirstName>Jane</PatientFirstName>
        </PatientDemographics><TestDemographics><AcquisitionDate>06-14-2010</AcquisitionDate>
        </TestDemographics>{waveform("Median", rows[:, :60] * 2)}{waveform(kind, rows)}
        </RestingECG>""".encode("latin-1")


def cardiosoft(rows, leads, *, unit="uVperLsb"):
    waves = "".join(
        f'<WaveformData lead="{name}">\n\t{joined(row, ",")}</WaveformData>'
        for name, row in zip(leads, rows, strict=True)
    )
    medians = f'<WaveformData lead="{leads[0]}">1,2,3</WaveformData>'
    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
        <!DOCTYPE CardiologyXML SYSTEM "CardiologyXML.dtd">
        <CardiologyXML><PatientInfo><PID>ID-4711</PID><Name><FamilyName>Doe</FamilyName>
        <GivenName>Jane</GivenName></Name><Age units="Years">59</Age><BirthDateTime>
        <Day>15</Day><Month>6</Month><Year>1950</Year></BirthDateTime><Gender>FEMALE</Gender>
        </PatientInfo><FilterSetting><Filter50Hz>Yes</Filter50Hz><LowPass units="Hz">40</LowPass>
        </FilterSetting><RestingECGMeasurements><MedianSamples>{medians}</MedianSamples>
        </RestingECGMeasurements><StripData><NumberOfLeads>{len(leads)}</NumberOfLeads>
        <SampleRate units="Hz">500</SampleRate><Resolution units="{unit}">5</Resolution>
        {waves}</StripData></CardiologyXML>""".encode("latin-1")


def cardiosoft_disclosure(rows, leads):
    return f"""<CardiologyXML><FullDisclosure><NumberOfChannels>{len(leads)}</NumberOfChannels>
        <SampleRate units="Hz">500</SampleRate><Resolution units="uVperLsb">5</Resolution>
        <LeadOrder>{",".join(leads)}</LeadOrder>
        <FullDisclosureData>{joined(rows.T.ravel(), ",")},</FullDisclosureData>
        </FullDisclosure></CardiologyXML>""".encode()


def schiller(rows, leads, *, nested=True):
    if nested:
        resolution = """<samplerate><value>500</value><exponent>1</exponent></samplerate>
            <yres><unitperbit>2.5</unitperbit><units>UV</units></yres>"""
    else:
        resolution = "<samplerate>500</samplerate><yres>2.5</yres>"

    def wave(kind, rows):
        channels = "".join(
            f"""<channel><name>{name}</name><datastype>COMMASEPARATE</datastype>
            <data>{joined(row, ",")},</data></channel>"""
            for name, row in zip(leads, rows, strict=True)
        )
        return f"""<wavedata><type>{kind}</type><resolution>{resolution}</resolution>
            {channels}</wavedata>"""

    return f"""<?xml version="1.0" encoding="UTF-8"?><SchillerEDI xmlns="urn:schiller">
        <patdata><id>ID-4711</id><lastname>Doe</lastname><firstname>Jane</firstname>
        <birthdate>19500615</birthdate><gender>F</gender></patdata>
        <examdescript><startdatetime><date>20100614</date></startdatetime></examdescript>
        <eventdata><event>{wave("ECG_AVERAGES", rows[:, :9] * 2)}{wave("ECG_RHYTHMS", rows)}
        </event></eventdata></SchillerEDI>""".encode()


def mortara(rows, leads):
    channels = "".join(
        f"""<CHANNEL OFFSET="0" BITS="16" FORMAT="SIGNED" UNITS_PER_MV="400" NAME="{name}"
        SAMPLE_FREQ="1000" ENCODING="BASE64" DATA="{base64_of(row)}"/>"""
        for name, row in zip(leads, rows, strict=True)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?><ECG ACQUISITION_TIME="20100614101500">
        <SUBJECT LAST_NAME="Doe" FIRST_NAME="Jane" ID="ID-4711" DOB_XML="1950-06-15"
        GENDER="Female"/>{channels}<TYPICAL_CYCLE><TYPICAL_CYCLE_CHANNEL NAME="I" BITS="16"
        DATA="AAA="/></TYPICAL_CYCLE></ECG>""".encode()


def aecg(rows, leads, *, step=("2", "ms"), scale=("2.5", "uV"), origin=("0", "uV"), sets=1):
    """`sets`: how many sequence sets the leads are spread over, one after the other in time."""

    def sequence(name, row):
        return f"""<component><sequence><code code="MDC_ECG_LEAD_{name.upper()}"/>
            <value xsi:type="SLIST_PQ"><origin value="{origin[0]}" unit="{origin[1]}"/>
            <scale value="{scale[0]}" unit="{scale[1]}"/><digits>{joined(row)}</digits>
            </value></sequence></component>"""

    def sequence_set(k, names, rows, kind="TIME_ABSOLUTE", head="20100614101500"):
        return f"""<component><sequenceSet><component><sequence><code code="{kind}"/>
            <value xsi:type="GLIST_TS"><head value="{head}.{k}"/>
            <increment value="{step[0]}" unit="{step[1]}"/></value></sequence></component>
            {"".join(map(sequence, names, rows))}</sequenceSet></component>"""

    parts = np.array_split(np.arange(len(leads)), sets)
    content = "".join(
        sequence_set(k, [leads[j] for j in part], rows[part]) for k, part in enumerate(parts)
    )
    beat = sequence_set(0, leads, rows[:, :30] * 3, kind="TIME_RELATIVE", head="0")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
        <AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
        <id extension="ID-4711"/><effectiveTime><low value="20100614101500"/></effectiveTime>
        <componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject>
        <id extension="ID-4711"/><subjectDemographicPerson><name>Jane Doe</name>
        <administrativeGenderCode code="F"/><birthTime value="19500615"/>
        </subjectDemographicPerson></trialSubject></subject></subjectAssignment></componentOf>
        </timepointEvent></componentOf><component><series><code code="RHYTHM"/>{content}
        <derivation><derivedSeries><code code="REPRESENTATIVE_BEAT"/>{beat}</derivedSeries>
        </derivation></series></component></AnnotatedECG>""".encode()


def philips(rows, leads, *, version="1.04", compression="XLI"):
    """Rows in steps of 5 µV at 500 Hz; the limb leads are stored as the format wants them."""
    stored = philips_residuals(rows, leads) if compression == "XLI" else rows
    data = (
        b"".join(map(xli_chunk, stored)) if compression == "XLI" else rows.astype("<i2").tobytes()
    )
    text = base64.b64encode(data + (xli_chunk(rows[0]) if compression == "XLI" else b"")).decode()
    duration = f'durationperchannel="{rows.shape[1] * 2}" dataencoding="Base64"'
    if version == "1.03":
        method = 'compressflag="True" compressmethod="XLI"'
        signal = "<samplingrate>500</samplingrate><signalresolution>5</signalresolution>"
        age = "<age><years>59</years></age>"
    else:
        method = f"""compression="{compression}" numberofleads="{len(leads)}"
            leadlabels="{" ".join(leads)}" samplespersecond="500" resolution="5"
            hipass="0.05" lowpass="150" notchfiltered="True" notchfilterfreqs="60" """
        signal = "<samplingrate>500</samplingrate><resolution>5</resolution>"
        age = '<age defaultage="50"><dateofbirth>1950-06-15</dateofbirth></age>'
    return f"""<?xml version="1.0" encoding="utf-16"?>
        <restingecgdata xmlns="http://www3.medical.philips.com">
        <documentinfo><documentversion>{version}</documentversion></documentinfo>
        <dataacquisition date="2010-06-14"><signalcharacteristics>{signal}
        <numberchannelsallocated>{len(leads)}</numberchannelsallocated></signalcharacteristics>
        </dataacquisition><patient><generalpatientdata><patientid>ID-4711</patientid>
        <name><lastname>Doe</lastname><firstname>Jane</firstname></name>{age}
        <sex>Female</sex></generalpatientdata></patient>
        <waveforms><parsedwaveforms {method} {duration}>{text}</parsedwaveforms>
        </waveforms></restingecgdata>""".encode("utf-16")


def philips_residuals(rows, leads):
    rows = dict(zip(leads, rows.astype(np.int64), strict=True))
    one, two, three = rows["I"], rows["II"], rows["III"]
    rows["III"] = two - one - three
    rows["aVR"] = -rows["aVR"] - (one + two) // 2
    rows["aVL"] = (one - three) // 2 - rows["aVL"]
    rows["aVF"] = (two + three) // 2 - rows["aVF"]
    return np.array([rows[lead] for lead in leads])


def xli_chunk(row):
    """One compressed lead: second differences, high bytes, then low bytes, LZW of ten bits."""
    row = np.asarray(row, np.int64)
    predicted = 2 * row[1:-1] - row[:-2] - row[2:]  # what is subtracted from the prediction
    first, rest = int(predicted[0]), predicted[1:] + 64
    stored = np.concatenate([row[:2], rest, [64]]).astype(np.int16).view(np.uint16)
    stream = (stored >> 8).astype(np.uint8).tobytes() + (stored & 255).astype(np.uint8).tobytes()
    body = lzw(stream)
    return (
        len(body).to_bytes(4, "little") + b"\1\0" + first.to_bytes(2, "little", signed=True) + body
    )


def lzw(data):
    table = {bytes([k]): k for k in range(256)}
    codes, word = [], b""
    for byte in data:
        longer = word + bytes([byte])
        if longer in table:
            word = longer
            continue
        codes.append(table[word])
        if len(table) <= 1022:
            table[longer] = len(table)
        word = bytes([byte])
    codes += [table[word], 1023]
    bits = "".join(f"{code:010b}" for code in codes)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[k : k + 8], 2) for k in range(0, len(bits), 8))
