"""Preparation: good records stored unchanged, bad ones listed, never an incomplete store."""

import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.ecg_files import change_text, samples_like_an_ecg, write_wfdb

from ecgcam.data import store_writer
from ecgcam.data.preparation import PrepareConfig, prepare
from ecgcam.data.shards import Form, read_microvolts
from ecgcam.data.store import open_store, verify
from ecgcam.errors import DatasetError, RecordError
from ecgcam.readers.read import read
from ecgcam.signals.leads import LEADS

with warnings.catch_warnings(action="ignore"):  # wfdb does what pandas 3 deprecates
    import wfdb

ONE_JOB = PrepareConfig(jobs=1)


def rejected(folder):
    return pd.read_csv(folder / "rejected.csv", keep_default_na=False).set_index("id")["reason"]


def content_of(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def ids_of(store):
    return store.records["id"].tolist()


@pytest.fixture(scope="module")
def real_store(ptbxl_some, tmp_path_factory):
    prepared = prepare(ptbxl_some, tmp_path_factory.mktemp("real") / "store", ONE_JOB)
    assert (prepared.records, prepared.rejected) == (540, 0)
    return open_store(prepared.folder)


def test_every_sample_of_real_records_is_kept(real_store, ptbxl_some):
    table = pd.read_csv(ptbxl_some / "ptbxl_database.csv")
    assert ids_of(real_store) == table["ecg_id"].tolist()
    signals_uv = real_store.signals_uv(real_store.indices())
    for signal_uv, name in zip(signals_uv, table["filename_lr"], strict=True):
        samples = np.fromfile(ptbxl_some / f"{name}.dat", "<i2").reshape(1000, 12)
        np.testing.assert_array_equal(signal_uv, samples.T)


def test_real_records_equal_those_that_wfdb_reads(real_store, ptbxl_some):
    names = pd.read_csv(ptbxl_some / "ptbxl_database.csv")["filename_lr"]
    for index in range(0, 540, 27):
        signal_mv, fields = wfdb.rdsamp(str(ptbxl_some / names[index]))
        order = [[lead.upper() for lead in fields["sig_name"]].index(x.upper()) for x in LEADS]
        np.testing.assert_array_equal(
            real_store.signals_uv([index])[0], np.rint(signal_mv.T[order] * 1000)
        )


def test_metadata_of_real_records_is_kept(real_store, ptbxl_some):
    table = pd.read_csv(ptbxl_some / "ptbxl_database.csv")
    records = real_store.records
    assert records["fold"].value_counts().to_dict() == dict.fromkeys(range(1, 10), 60)
    assert (records["patient"] == table["patient_id"]).all()
    assert (records["age_years"] == table["age"].replace(300, 90)).all()
    assert (real_store.leads, real_store.rate_hz, real_store.samples) == (LEADS, 100, 1000)
    assert len(real_store.vocabulary["statement"]) == 71
    assert real_store.titles["statement:IMI"] == "Inferior myocardial infarction"
    assert real_store.titles["form:NDT"] == "Non-diagnostic T abnormalities"
    assert real_store.titles["rhythm:SR"] == "Sinus rhythm"
    assert set(real_store.titles) == {
        f"{kind}:{name}"
        for kind in ("statement", "form", "rhythm")
        for name in real_store.vocabulary[kind]
    }
    assert list(verify(real_store)) == []


def test_one_process_and_several_make_the_same_store(synthetic_folder, synthetic_store, tmp_path):
    calls = []
    config = PrepareConfig(jobs=2, shard_records=50)
    prepared = prepare(
        synthetic_folder, tmp_path / "b", config, progress=lambda *call: calls.append(call)
    )
    store = open_store(prepared.folder)
    assert sorted(path.name for path in store.folder.glob("*.npy")) == [
        f"signals-0000{k}.npy" for k in range(3)
    ]
    assert calls == [(50, 120), (100, 120), (120, 120)]
    assert store.about["fingerprint"] == synthetic_store.about["fingerprint"]
    counts = store.indices()
    np.testing.assert_array_equal(store.signals_uv(counts), synthetic_store.signals_uv(counts))
    pd.testing.assert_frame_equal(
        store.records.drop(columns=["shard", "row"]),
        synthetic_store.records.drop(columns=["shard", "row"]),
    )
    assert list(verify(store)) == list(verify(synthetic_store)) == []


@pytest.fixture
def folder(synthetic_folder, tmp_path):
    """The first 24 synthetic ECGs, to be damaged."""
    copy = tmp_path / "folder"
    stem_of(copy, 1).parent.mkdir(parents=True)
    for ecg_id in range(1, 25):
        for file in stem_of(synthetic_folder, ecg_id).parent.glob(f"{ecg_id:05d}_lr.*"):
            shutil.copy(file, stem_of(copy, ecg_id).parent)
    shutil.copy(synthetic_folder / "scp_statements.csv", copy)
    table = pd.read_csv(synthetic_folder / "ptbxl_database.csv")
    table.iloc[:24].to_csv(copy / "ptbxl_database.csv", index=False)
    return copy


def stem_of(folder, ecg_id):
    return folder / "records100" / "00000" / f"{ecg_id:05d}_lr"


def shorten(stem):
    write_wfdb(stem, samples_like_an_ecg(time=900))


def lengthen(stem):
    write_wfdb(stem, samples_like_an_ecg(time=1001))


def remove_signal(stem):
    stem.with_name(f"{stem.name}.dat").unlink()


def remove_header(stem):
    stem.with_name(f"{stem.name}.hea").unlink()


def truncate(stem):
    data = stem.with_name(f"{stem.name}.dat")
    data.write_bytes(data.read_bytes()[:-100])


def change_rate(stem):
    write_wfdb(stem, samples_like_an_ecg(time=5000), rate="500")


def remove_a_lead(stem):
    write_wfdb(stem, samples_like_an_ecg(leads=11), leads=LEADS[:11])


def repeat_a_lead(stem):
    write_wfdb(stem, samples_like_an_ecg(leads=13), leads=[*LEADS, "Lead II"])


def change_unit(stem):
    write_wfdb(stem, samples_like_an_ecg(), gain="1000.0(0)/mmHg")


def change_gain(stem):
    write_wfdb(stem, samples_like_an_ecg(), gain="1.0(0)/mV")


def invalidate_samples(stem):
    samples = samples_like_an_ecg()
    samples[400:450, 8] = -32768
    write_wfdb(stem, samples)


def change_a_sample(stem):
    data = bytearray(stem.with_name(f"{stem.name}.dat").read_bytes())
    data[1000] ^= 4
    stem.with_name(f"{stem.name}.dat").write_bytes(bytes(data))


def flatten_all_leads(stem):
    """Each lead at its own level, as if no electrode were attached."""
    write_wfdb(stem, np.tile(np.arange(12, dtype=np.int16) * 10, (1000, 1)))


def destroy_header(stem):
    stem.with_name(f"{stem.name}.hea").write_text("nonsense\n")


DAMAGES = {
    1: (shorten, "it lasts 9 s; expected 10 s"),
    3: (remove_signal, "00003_lr.dat: no such file"),
    4: (remove_header, "00004_lr: no such ECG"),
    6: (truncate, "23900 bytes; its header promises"),
    7: (change_rate, "500 Hz; expected 100 Hz, or use --resample"),
    9: (remove_a_lead, "leads V6 are missing"),
    10: (repeat_a_lead, "leads II occur more than once"),
    12: (change_unit, "no ECG lead in volts; found I (mmHg)"),
    13: (change_gain, "beyond any ECG (at most 32.767 mV); check the unit."),
    15: (invalidate_samples, "leads V3 are missing"),
    17: (change_a_sample, "fails its checksum"),
    16: (flatten_all_leads, "all leads are flat"),
    18: (destroy_header, "not a WFDB header"),
    19: (lengthen, "it lasts 10.01 s; expected 10 s"),
}


def test_bad_records_are_left_out_with_a_reason_and_good_ones_are_kept(folder, tmp_path):
    for ecg_id, (damage, _) in DAMAGES.items():
        damage(stem_of(folder, ecg_id))
    table = pd.read_csv(folder / "ptbxl_database.csv").astype({"patient_id": object})
    table.loc[table["ecg_id"] == 20, "scp_codes"] = "{'NORM'"
    table.loc[table["ecg_id"] == 22, "patient_id"] = None
    table.to_csv(folder / "ptbxl_database.csv", index=False)
    calls = []
    prepared = prepare(
        folder, tmp_path / "store", ONE_JOB, progress=lambda *call: calls.append(call)
    )
    reasons = {
        **{k: reason for k, (_, reason) in DAMAGES.items()},
        20: "scp_codes",
        22: "no patient",
    }
    good = [ecg_id for ecg_id in range(1, 25) if ecg_id not in reasons]
    assert (prepared.records, prepared.rejected) == (len(good), len(reasons)) == (8, 16)
    listed = rejected(prepared.folder)
    assert listed.index.tolist() == sorted(reasons)
    assert {k: reason in listed[k] for k, reason in reasons.items()} == dict.fromkeys(reasons, True)
    store = open_store(prepared.folder)
    assert ids_of(store) == good
    for index, ecg_id in enumerate(good):
        signal_mv, _ = wfdb.rdsamp(str(stem_of(folder, ecg_id)))
        expected = np.rint(signal_mv.T * 1000)
        np.testing.assert_array_equal(store.signals_uv([index])[0], expected)
    assert calls[-1] == (22, 22)


def test_one_sample_marked_invalid_is_filled(folder, tmp_path):
    samples = samples_like_an_ecg()
    samples[400, 2] = -32768
    write_wfdb(stem_of(folder, 5), samples)
    store = open_store(prepare(folder, tmp_path / "store", ONE_JOB).folder)
    stored = store.signals_uv([store.index_of("5")])[0]
    assert stored[2, 400] == np.rint(samples[[399, 401], 2].mean())
    np.testing.assert_array_equal(stored[2, 401:], samples[401:, 2])


def test_an_ecg_with_a_single_deflection_is_kept(folder, tmp_path):
    samples = np.zeros((1000, 12), np.int16)
    samples[555, 4] = 3
    write_wfdb(stem_of(folder, 5), samples)
    prepared = prepare(folder, tmp_path / "store", ONE_JOB)
    assert prepared.rejected == 0


def test_a_shard_may_be_empty(folder, tmp_path):
    for ecg_id in range(5, 9):
        remove_signal(stem_of(folder, ecg_id))
    prepared = prepare(folder, tmp_path / "store", PrepareConfig(jobs=1, shard_records=4))
    store = open_store(prepared.folder)
    assert [shard["records"] for shard in store.about["shards"]] == [4, 0, 4, 4, 4, 4]
    expected = np.fromfile(f"{stem_of(folder, 9)}.dat", "<i2").reshape(1000, 12).T
    np.testing.assert_array_equal(store.signals_uv([store.index_of("9")])[0], expected)
    assert list(verify(store)) == []


def test_leads_are_stored_by_name_in_any_order(folder, tmp_path):
    order = np.random.default_rng(0).permutation(12)
    samples = samples_like_an_ecg()
    write_wfdb(stem_of(folder, 2), samples[:, order], leads=[LEADS[k].lower() for k in order])
    few = PrepareConfig(jobs=1, leads=("V1", "aVR"))
    for config, rows in ((ONE_JOB, range(12)), (few, [6, 3])):
        store = open_store(prepare(folder, tmp_path / str(len(rows)), config).folder)
        signal_uv = store.signals_uv([store.index_of("2")])[0]
        np.testing.assert_array_equal(signal_uv, samples.T[list(rows)])
        assert store.leads == config.leads


def test_quality_findings_are_stored_and_the_record_is_kept(folder, tmp_path):
    samples = samples_like_an_ecg()
    samples[:, 10] = 40
    write_wfdb(stem_of(folder, 5), samples)
    store = open_store(prepare(folder, tmp_path / "store", ONE_JOB).folder)
    row = store.records.iloc[store.index_of("5")]
    assert list(row["quality"]) == ["flat V5"]
    assert list(store.records["quality"].iloc[store.index_of("6")]) == []


def test_without_usable_records_there_is_no_store(folder, tmp_path):
    for ecg_id in range(1, 25):
        change_a_sample(stem_of(folder, ecg_id))
    with pytest.raises(DatasetError, match="none of its ECGs can be read; the first: .*checksum"):
        prepare(folder, tmp_path / "store", ONE_JOB)
    fixed = PrepareConfig(jobs=1, rate_hz=100, duration_s=10)
    with pytest.raises(DatasetError, match="none of its ECGs can be used; the first: .*checksum"):
        prepare(folder, tmp_path / "store", fixed)
    table = pd.read_csv(folder / "ptbxl_database.csv")
    table.assign(scp_codes="?").to_csv(folder / "ptbxl_database.csv", index=False)
    with pytest.raises(DatasetError, match="the first: invalid scp_codes"):
        prepare(folder, tmp_path / "store", fixed)
    table.iloc[:0].to_csv(folder / "ptbxl_database.csv", index=False)
    with pytest.raises(DatasetError, match="its table has no rows"):
        prepare(folder, tmp_path / "store", fixed)
    assert {path.name for path in tmp_path.iterdir()} == {"folder"}


# ECGs of a CSV table


@pytest.fixture
def own(tmp_path):
    """Four ECGs at 500 Hz in a file format each, one at 100 Hz, and the CSV that lists them."""
    write_wfdb(tmp_path / "a", samples_like_an_ecg(time=5000, seed=0), rate="500")
    samples = samples_like_an_ecg(time=5000, seed=1)
    write_wfdb(tmp_path / "b", samples, gain="1(0)/uV", rate="500")
    samples = samples_like_an_ecg(time=5000, seed=2)
    table = np.column_stack([np.arange(5000) / 500, samples / 1000])
    lines = [",".join(["time", *LEADS]), *(",".join(map(str, row)) for row in table.tolist())]
    (tmp_path / "c.csv").write_text("\n".join(lines))
    samples = samples_like_an_ecg(time=5000, seed=3)
    np.savez(tmp_path / "d.npz", signal_mv=samples.T / 1000, rate_hz=500)
    write_wfdb(tmp_path / "e", samples_like_an_ecg(seed=9))
    files = ["a.hea", "b", "c.csv", "d.npz", "e.hea"]
    rows = [f"{file},p{k},{1 + k},{k % 2}" for k, file in enumerate(files)]
    (tmp_path / "own.csv").write_text("\n".join(["path,patient,fold,AFIB", *rows]))
    return tmp_path / "own.csv"


def test_files_of_all_formats_give_their_signal(own, tmp_path):
    prepared = prepare(own, tmp_path / "store", ONE_JOB)
    store = open_store(prepared.folder)
    assert (store.rate_hz, store.samples) == (500, 5000)
    assert ids_of(store) == ["a.hea", "b", "c.csv", "d.npz"]
    for index in store.indices():
        expected = samples_like_an_ecg(time=5000, seed=index).T
        np.testing.assert_array_equal(store.signals_uv([index])[0], expected)
    assert "100 Hz; expected 500 Hz, or use --resample" in rejected(store.folder)["e.hea"]
    assert store.vocabulary == {"column": ("AFIB",)}
    assert list(verify(store)) == []


def test_other_rates_are_resampled(own, tmp_path):
    config = PrepareConfig(jobs=1, rate_hz=100, resampled=True)
    store = open_store(prepare(own, tmp_path / "store", config).folder)
    assert (len(store.records), store.rate_hz, store.samples) == (5, 100, 1000)
    from ecgcam.signals.resampling import resample

    for index, name in enumerate(("a", "b", "c.csv", "d.npz")):
        expected = np.rint(resample(read(tmp_path / name), 100).signal_mv * 1000)
        np.testing.assert_array_equal(store.signals_uv([index])[0], expected)
    np.testing.assert_array_equal(store.signals_uv([4])[0], samples_like_an_ecg(seed=9).T)


@pytest.mark.parametrize("samples", [3599, 3600, 3601])
def test_an_extra_sample_of_resampling_is_cut(tmp_path, samples):
    signal_mv = samples_like_an_ecg(time=samples).T / 1000
    np.savez(tmp_path / "a.npz", signal_mv=signal_mv, rate_hz=360)
    (tmp_path / "own.csv").write_text("path,fold\na.npz,1\n")
    config = PrepareConfig(jobs=1, rate_hz=100, resampled=True)
    store = open_store(prepare(tmp_path / "own.csv", tmp_path / "store", config).folder)
    assert (len(store.records), store.samples) == (1, 1000)
    from ecgcam.signals.resampling import resample

    expected = np.rint(resample(read(tmp_path / "a.npz"), 100).signal_mv[:, :1000] * 1000)
    np.testing.assert_array_equal(store.signals_uv([0])[0], expected)


def test_a_missing_path_is_named_as_in_the_table(own, tmp_path):
    change_text(own, "c.csv", "elsewhere/c.csv")
    change_text(own, "d.npz", "d/e.hea")
    (tmp_path / "d").mkdir()
    write_wfdb(tmp_path / "d" / "e", samples_like_an_ecg())
    prepared = prepare(own, tmp_path / "store", ONE_JOB)
    assert (prepared.records, prepared.rejected) == (2, 3)
    table = pd.read_csv(prepared.folder / "rejected.csv").set_index("id")
    assert table["path"].to_dict() == {name: name for name in table.index}
    assert table["reason"].to_dict() == {
        "elsewhere/c.csv": "elsewhere/c.csv: no such file.",
        "d/e.hea": "d/e.hea: 100 Hz; expected 500 Hz, or use --resample.",
        "e.hea": "e.hea: 100 Hz; expected 500 Hz, or use --resample.",
    }


FULL_DISK = """
import resource, sys
from pathlib import Path
from ecgcam.data.preparation import PrepareConfig, prepare

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    prepare(Path(sys.argv[1]), Path(sys.argv[2]), PrepareConfig(jobs=1))
except OSError as error:
    print(error)
"""


def test_a_full_disk_is_an_error_and_leaves_nothing(folder, tmp_path):
    command = [sys.executable, "-c", FULL_DISK, folder, tmp_path / "store"]
    message = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert message
    assert {path.name for path in tmp_path.iterdir()} == {"folder"}


def test_a_shard_is_the_same_file_that_numpy_saves(synthetic_store, tmp_path):
    shard = synthetic_store.folder / "signals-00000.npy"
    np.save(tmp_path / "a.npy", np.load(shard))
    assert shard.read_bytes() == (tmp_path / "a.npy").read_bytes()


def test_ptb_xl_is_resampled_from_files_of_a_sufficient_rate(folder, tmp_path):
    with pytest.raises(DatasetError, match="100 and 500 Hz, not 250 Hz"):
        prepare(folder, tmp_path / "store", PrepareConfig(rate_hz=250))
    half = PrepareConfig(jobs=1, rate_hz=50, resampled=True)
    store = open_store(prepare(folder, tmp_path / "store", half).folder)
    assert (len(store.records), store.rate_hz, store.samples) == (24, 50, 500)
    samples = samples_like_an_ecg(time=5000)
    write_wfdb(folder / "records500" / "00000" / "00003_hr", samples, rate="500")
    up = PrepareConfig(jobs=1, rate_hz=250, resampled=True)
    store = open_store(prepare(folder, tmp_path / "up", up).folder)
    assert (ids_of(store), store.samples) == ([3], 2500)


def test_the_table_of_ptb_xl_stands_for_its_folder(folder, tmp_path):
    store = open_store(prepare(folder / "ptbxl_database.csv", tmp_path / "store", ONE_JOB).folder)
    assert "superclass" in store.vocabulary
    assert len(store.records) == 24


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *((name, "expected a folder of ECGs") for name in ("none", "none.csv", "some.txt")),
        ("empty", "found no ECG; expected ECG files, a folder like PTB-XL's"),
    ],
)
def test_other_files_and_folders_are_refused(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "some.txt").write_text("dear diary\n")
    with pytest.raises(DatasetError, match=message):
        prepare(tmp_path / name, tmp_path / "store", ONE_JOB)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rate_hz": 0}, "rate_hz must be above 0 and at most 100000, got 0"),
        ({"rate_hz": float("inf")}, "rate_hz must be above 0 and at most"),
        ({"rate_hz": float("nan")}, "rate_hz must be above 0 and at most"),
        ({"duration_s": -1}, "duration_s must be above 0 and at most 86400, got -1"),
        ({"duration_s": 1e9}, "duration_s must be above 0 and at most"),
        ({"jobs": 0}, "jobs must be above 0"),
        ({"seed": -1}, "seed must be from 0 to 4294967295, got -1"),
        ({"seed": 2**32}, "seed must be from 0"),
        ({"leads": ()}, "leads must name at least one lead"),
        ({"leads": ("",)}, "leads must be different names"),
        ({"leads": ("I", "II", "I")}, "leads must be different names, got 'I,II,I'"),
        ({"labels": ("A", "A")}, "labels must be different names, got 'A,A'"),
        ({"labels": ("A", "")}, "labels must be different names"),
    ],
)
def test_invalid_settings_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        PrepareConfig(**wrong)


def test_a_length_below_one_sample_is_refused(folder, tmp_path):
    config = PrepareConfig(jobs=1, rate_hz=100, duration_s=0.001)
    with pytest.raises(DatasetError, match="0.001 s at 100 Hz are less than one sample"):
        prepare(folder, tmp_path / "store", config)


# existing files at the target


def test_a_store_is_overwritten_only_on_request(folder, tmp_path):
    first = open_store(prepare(folder, tmp_path / "store", ONE_JOB).folder)
    before = content_of(first.folder)
    with pytest.raises(DatasetError, match="this store exists already; --overwrite"):
        prepare(folder, tmp_path / "store", ONE_JOB)
    assert content_of(first.folder) == before
    remove_signal(stem_of(folder, 2))
    again = prepare(folder, tmp_path / "store", ONE_JOB, overwrite=True)
    assert again.records == 23
    assert len(open_store(again.folder).records) == 23
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "store"}


def test_a_store_stays_if_overwriting_it_fails(folder, tmp_path):
    prepared = prepare(folder, tmp_path / "store", ONE_JOB)
    before = content_of(prepared.folder)
    for ecg_id in range(1, 25):
        remove_signal(stem_of(folder, ecg_id))
    with pytest.raises(DatasetError, match="none of its ECGs"):
        prepare(folder, tmp_path / "store", ONE_JOB, overwrite=True)
    assert content_of(prepared.folder) == before
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "store"}


def test_the_old_store_stays_if_the_new_one_cannot_be_renamed(folder, tmp_path, monkeypatch):
    store = prepare(folder, tmp_path / "store", ONE_JOB).folder
    before = content_of(store)
    rename = Path.rename

    def fail_for_the_new(path, target):
        if path.name == "new":
            raise OSError("the disk is gone")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(OSError, match="the disk is gone"):
        prepare(folder, store, ONE_JOB, overwrite=True)
    assert content_of(store) == before
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "store"}


def test_an_empty_folder_becomes_the_store_but_the_current_folder_does_not(
    folder, tmp_path, monkeypatch
):
    (tmp_path / "store").mkdir()
    assert prepare(folder, tmp_path / "store", ONE_JOB).records == 24
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "store"}
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(DatasetError, match="this is the current folder"):
        prepare(folder, Path(), ONE_JOB)


def a_file(path):
    path.write_text("keep me")


def a_folder(path):
    path.mkdir()
    (path / "notes.txt").write_text("keep me")


def a_folder_with_a_store_json(path):
    a_folder(path)
    (path / "store.json").write_text("{}")


def only_a_store_json(path):
    path.mkdir()
    (path / "store.json").write_text('{"shop": 1}')


def a_link_to_nothing(path):
    path.symlink_to(path.with_name("nothing"))


@pytest.mark.parametrize(
    "other",
    [
        a_file,
        a_folder,
        a_folder_with_a_store_json,
        only_a_store_json,
        a_link_to_nothing,
    ],
)
@pytest.mark.parametrize("when", ["before", "during"])
@pytest.mark.parametrize("overwrite", [True, False])
def test_anything_but_a_store_is_never_overwritten(folder, tmp_path, other, when, overwrite):
    place = tmp_path / "place"
    if when == "before":
        other(place)

    def during(done, records):
        if when == "during":
            other(place)

    with pytest.raises(DatasetError, match="not a store, so it is not overwritten"):
        prepare(folder, place, ONE_JOB, overwrite=overwrite, progress=during)
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "place"}
    before = content_of(tmp_path)
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    other(place)
    assert content_of(tmp_path) == before


def test_a_store_with_additional_files_is_not_overwritten(folder, tmp_path):
    store = prepare(folder, tmp_path / "store", ONE_JOB).folder
    (store / "notes.txt").write_text("keep me")
    with pytest.raises(DatasetError, match="not a store"):
        prepare(folder, store, ONE_JOB, overwrite=True)
    assert (store / "notes.txt").read_text() == "keep me"


def test_a_link_to_a_store_is_not_replaced(folder, tmp_path):
    store = prepare(folder, tmp_path / "store", ONE_JOB).folder
    (tmp_path / "link").symlink_to(store)
    with pytest.raises(DatasetError, match="not a store"):
        prepare(folder, tmp_path / "link", ONE_JOB, overwrite=True)
    assert list(verify(open_store(tmp_path / "link"))) == []


STOPPED = """
import sys, time
from pathlib import Path
from ecgcam.data.preparation import PrepareConfig, prepare

def progress(done, records):
    print(done, flush=True)
    time.sleep(60)

config = PrepareConfig(jobs=int(sys.argv[3]), shard_records=6)
if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]), config, progress=progress)
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_run_leaves_no_store_and_the_next_run_succeeds(folder, tmp_path, jobs):
    store = tmp_path / "store"
    (tmp_path / "folder" / "run.py").write_text(STOPPED)
    command = [sys.executable, tmp_path / "folder" / "run.py", folder, store, str(jobs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as run:
        assert run.stdout.readline() == b"6\n"
        run.send_signal(signal.SIGKILL)
        run.communicate(timeout=30)  # to the end of its output, which its workers hold too
    assert not store.exists()
    assert prepare(folder, store, ONE_JOB).records == 24
    assert list(verify(open_store(store))) == []
    (left,) = {path.name for path in tmp_path.iterdir()} - {"folder", "store"}
    assert left.startswith(".store.")
    assert left.endswith(".partial")


def test_an_interrupted_run_leaves_nothing(folder, tmp_path):
    def interrupt(done, records):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(folder, tmp_path / "deep" / "store", ONE_JOB, progress=interrupt)
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_relative_path_may_be_used(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepared = prepare(Path("folder"), Path("store"), ONE_JOB)
    assert prepared.folder == Path("store")
    assert len(open_store(Path("store")).records) == 24


def test_resampling_to_100_hz_reads_the_files_of_100_hz(synthetic_folder, tmp_path):
    config = PrepareConfig(rate_hz=100, resampled=True, jobs=1)  # there are no files of 500 Hz
    assert prepare(synthetic_folder, tmp_path / "store", config).records == 120


def test_the_number_of_processes_is_as_configured_but_at_most_one_per_shard(
    synthetic_folder, tmp_path, monkeypatch
):
    counts = []

    def serial_map(write, tasks, *, jobs):
        counts.append(jobs)
        return map(write, tasks)

    monkeypatch.setattr(store_writer, "parallel_map", serial_map)
    monkeypatch.setattr(store_writer, "available_cores", lambda: 8)
    for jobs in (1, 3, None):
        config = PrepareConfig(jobs=jobs, shard_records=20)
        prepare(synthetic_folder, tmp_path / str(jobs), config)
    assert counts == [1, 3, 6]


INTERRUPTED = """
import os, re, signal, sys, time
from multiprocessing import active_children
from pathlib import Path
from ecgcam.data.preparation import PrepareConfig, prepare

def progress(done, records):
    while not all(ignores_ctrl_c(child.pid) for child in active_children()):
        time.sleep(0.01)
    os.killpg(os.getpgrp(), signal.SIGINT)  # Ctrl-C on a terminal reaches every process

def ignores_ctrl_c(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"SigIgn:\\s*(\\w+)", status)[1], 16) >> (signal.SIGINT - 1) & 1

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
    try:
        prepare(Path(sys.argv[1]), Path(sys.argv[2]), PrepareConfig(jobs=2, shard_records=6),
                progress=progress)
    except KeyboardInterrupt:
        print("stopped")
"""


def test_after_ctrl_c_no_process_no_folder_and_no_traceback_is_left(folder, tmp_path):
    script = folder / "run.py"
    script.write_text(INTERRUPTED)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, script, folder, tmp_path / "store"]
    with subprocess.Popen(command, start_new_session=True, **pipes) as run:
        assert run.communicate(timeout=60) == ("stopped\n", "")  # workers hold the pipes too
    assert {path.name for path in tmp_path.iterdir()} == {"folder"}


def test_a_duration_is_rounded_to_samples(tmp_path):
    write_wfdb(tmp_path / "a", samples_like_an_ecg(time=820))
    (tmp_path / "ecgs.csv").write_text("path,fold,AFIB\na.hea,1,1\n")
    config = PrepareConfig(duration_s=8.2, rate_hz=100, jobs=1)
    store = open_store(prepare(tmp_path / "ecgs.csv", tmp_path / "store", config).folder)
    assert store.samples == 820


def test_values_just_beyond_16_bits_are_refused(tmp_path):
    form = Form(leads=LEADS, rate_hz=100, samples=1000)
    for highest, fits in ((32.767, True), (32.768, False)):
        signal_mv = np.zeros((12, 1000), np.float32)
        signal_mv[3, 5] = highest
        np.savez(tmp_path / "a.npz", signal_mv=signal_mv, rate_hz=100)
        if fits:
            assert read_microvolts(str(tmp_path / "a.npz"), form).signal_uv.max() == 32767
        else:
            with pytest.raises(RecordError, match="beyond any ECG"):
                read_microvolts(str(tmp_path / "a.npz"), form)


def test_a_baseline_other_than_zero_is_subtracted(tmp_path):
    samples = samples_like_an_ecg()
    write_wfdb(tmp_path / "a", samples + 100, gain="1000.0(100)/mV")
    (tmp_path / "ecgs.csv").write_text("path,fold,AFIB\na.hea,1,1\n")
    store = open_store(
        prepare(tmp_path / "ecgs.csv", tmp_path / "store", PrepareConfig(jobs=1)).folder
    )
    np.testing.assert_array_equal(store.signals_uv([0])[0], samples.T)
