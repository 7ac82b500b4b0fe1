import json

import pytest
from PIL import Image

from studio.errors import AgreementRequired, BadRequest, NotFound
from studio.types import MAX_SEED, Made, Message, Request


def made(finish, studio, user="", **request):
    events = finish(studio, studio.submit(Request(**request), user).id)
    return [event.record for event in events if isinstance(event, Made)]


def test_a_record_says_everything_about_its_making(studio, finish):
    record = made(finish, studio, model="fake", prompt="a red circle", seed=5, options={"steps": 2})[0]
    assert (record.model, record.prompt, record.seed, record.options["steps"], record.mime) == ("fake", "a red circle", 5, 2, "image/png")
    path = studio.file(record)
    assert path.parent.parent == studio.folder / "outputs" and path.parent.name == record.created[:10]
    text = Image.open(path).text
    assert text["parameters"].startswith("a red circle\nSteps: 2") and "Seed: 5" in text["parameters"]
    inside = json.loads(text["studio"])
    assert (inside["model"], inside["prompt"], inside["seed"], inside["options"]["steps"]) == ("fake", "a red circle", 5, 2)


def test_the_same_request_gives_the_same_pixels(studio, finish):
    one, two = (made(finish, studio, model="fake", prompt="x", seed=11)[0] for _ in range(2))
    assert studio.file(one).read_bytes() == studio.file(two).read_bytes() and one.id != two.id
    other = made(finish, studio, model="fake", prompt="x", seed=12)[0]
    assert Image.open(studio.file(one)).tobytes() != Image.open(studio.file(other)).tobytes()


def test_without_a_seed_one_is_drawn_and_kept(studio, finish):
    seeds = {made(finish, studio, model="fake", prompt="x")[0].seed for _ in range(3)}
    assert len(seeds) == 3 and all(0 <= seed <= MAX_SEED for seed in seeds)


def test_rerun_of_a_finished_job_is_a_new_job_with_the_same_seed(studio, finish):
    first = made(finish, studio, model="fake", prompt="x")[0]
    again = studio.rerun(first.job)
    assert again.id != first.job and again.seed == first.seed


def test_the_models_defaults_stand_where_the_request_is_silent(studio):
    assert studio.submit(Request(model="fake-speech", prompt="hello")).options["medium"] == "audio"


@pytest.mark.parametrize(
    ("request_", "parts"),
    [
        ({"model": "fakee", "prompt": "x"}, ["'fakee'", "Did you mean 'fake'?"]),
        ({"model": "fake", "prompt": ""}, ["prompt is empty"]),
        ({"model": "fake", "prompt": " \n\x00"}, ["prompt is empty"]),
        ({"model": "fake", "prompt": "x" * 2_000_000}, ["prompt", "2,000,000", "100,000"]),
        ({"model": "fake", "prompt": "\ud800x"}, ["prompt", "unicode"]),
        ({"model": "fake", "prompt": "x", "seed": -1}, ["seed", "-1"]),
        ({"model": "fake", "prompt": "x", "seed": 2**70}, ["seed", str(2**70)]),
        ({"model": "fake", "prompt": "x", "seed": 1.5}, ["seed", "1.5"]),
        ({"model": "fake", "prompt": "x", "options": {"steps": 0}}, ["steps", "0"]),
        ({"model": "fake", "prompt": "x", "options": {"width": 100000}}, ["width", "100000", "512"]),
        ({"model": "fake", "prompt": "x", "options": {"width": 9}}, ["width", "9", "multiple of 8"]),
        ({"model": "fake", "prompt": "x", "options": {"delay": float("nan")}}, ["delay", "nan"]),
        ({"model": "fake", "prompt": "x", "options": {"wdith": 64}}, ["'wdith'", "'width'"]),
        ({"model": "fake", "prompt": "x", "wishes": 1}, ["'wishes'"]),
        ({"model": "fake", "messages": [{"role": "robot", "content": "x"}]}, ["role", "'robot'"]),
        ({"model": "fake", "messages": [{"role": "user", "content": "  "}]}, ["messages are empty"]),
        ({"prompt": "x"}, ["'model' is missing"]),
    ],
)
def test_a_bad_request_names_field_and_value_and_leaves_no_job(studio, request_, parts):
    with pytest.raises((BadRequest, NotFound)) as caught:
        studio.submit(request_)
    assert all(part in str(caught.value) for part in parts), str(caught.value)
    assert caught.value.param and studio.jobs() == []


@pytest.mark.parametrize(
    "prompt", ["🦊 on a hill", "قطة على تل", "a\x1bb\x00c\x7f", "../../etc/passwd", "con.txt | rm -rf /", "\u202ereversed"]
)
def test_odd_prompts_make_ordinary_files(studio, finish, prompt):
    record = made(finish, studio, model="fake", prompt=prompt)[0]
    path = studio.file(record).resolve()
    assert path.is_relative_to(studio.folder.resolve()) and path.is_file()
    assert not set("\x00\x1b\x7f") & set(record.prompt)


def test_a_chat_is_listed_under_what_was_said_last(studio, finish):
    messages = [Message(role="system", content="Be brief."), Message(role="user", content="Tell me of the sea")]
    assert made(finish, studio, model="fake-text", messages=messages)[0].prompt == "Tell me of the sea"


def test_models_say_where_they_are(studio, finish):
    assert not studio.model("fake").loaded
    made(finish, studio, model="fake", prompt="x")
    status = studio.model("fake")
    assert status.loaded and status.on_disk and status.task == "text-to-image"
    assert [model.spec.id for model in studio.models("text-to-speech")] == ["fake-speech"]
    studio.unload("fake")
    assert not studio.model("fake").loaded


def test_a_model_is_loaded_on_wish_without_a_prompt(studio, finish):
    job = studio.submit(Request(model="fake"), action="load")
    finish(studio, job.id)
    assert studio.job(job.id).state == "done" and studio.model("fake").loaded and studio.gallery.list() == []


def test_preload_at_the_start(new_studio, finish):
    studio = new_studio(preload=["fake", "fakee"])
    studio.start()
    finish(studio, studio.jobs()[0].id)
    assert studio.model("fake").loaded
    assert any("'fakee'" in problem for problem in studio.problems)


def test_sound_can_be_had_in_other_forms(studio, finish):
    record = made(finish, studio, model="fake-speech", prompt="hello")[0]
    for format, magic in (("wav", b"RIFF"), ("flac", b"fLaC"), ("opus", b"OggS")):
        assert studio.file(record, format).read_bytes()[:4] == magic
    assert studio.file(record, "mp3").stat().st_size > 500
    with pytest.raises(BadRequest, match="'exe'.*wav, flac, mp3"):
        studio.file(record, "exe")


def test_a_file_somebody_moved_is_named(studio, finish):
    record = made(finish, studio, model="fake", prompt="x")[0]
    studio.file(record).unlink()
    with pytest.raises(NotFound, match="no longer there"):
        studio.file(record)


def test_a_catalogue_that_cannot_be_read_leaves_a_studio_that_says_so(new_studio, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("a:\n\tengine: fake\n")
    studio = new_studio(models=bad)
    assert studio.models() == [] and "line 2" in studio.problems[0]


def test_no_local_path_is_written_into_a_file(studio, finish):
    record = made(finish, studio, model="fake", prompt="x")[0]
    assert str(studio.folder.parent).encode() not in studio.file(record).read_bytes()


def test_a_folder_that_cannot_be_written_costs_the_job_not_the_studio(new_studio, finish):
    studio = new_studio(data="/proc/nothing")
    assert "/proc/nothing" in studio.problems[0]
    for _ in range(2):
        job = studio.submit(Request(model="fake", prompt="x"))
        end = finish(studio, job.id)[-1]
        assert end.state == "failed" and "/proc/nothing" in end.error


def test_a_place_for_files_that_is_taken_costs_the_job_not_the_studio(studio, finish):
    (studio.folder / "outputs").write_text("in the way")
    end = finish(studio, studio.submit(Request(model="fake", prompt="x")).id)[-1]
    assert end.state == "failed" and "outputs" in end.error
    (studio.folder / "outputs").unlink()
    assert made(finish, studio, model="fake", prompt="x")


TERMS = """
closed: {engine: fake, source: ., title: Closed, license: cc-by-nc-4.0, commercial: false}
gated: {engine: fake, source: ., title: Gated, gated: true}
away: {engine: fake, source: nobody/nothing, title: Away}
"""


def test_a_model_with_terms_runs_after_they_were_agreed_to(catalogue, new_studio, finish):
    catalogue.write_text(TERMS)
    studio = new_studio()
    for model, reason in (("closed", "cc-by-nc-4.0.*forbids commercial use"), ("gated", "is gated")):
        with pytest.raises(AgreementRequired, match=f"{reason}.*POST /v1/registry/{model}/agree"):
            studio.submit(Request(model=model, prompt="x"), "anna")
        assert studio.jobs(states=("queued",)) == [] and not studio.agreed(model, "anna")
        studio.agree(model, "anna")
        assert studio.agreed(model, "anna") and not studio.agreed(model, "ben")
        assert made(finish, studio, user="anna", model=model, prompt="x")
        with pytest.raises(AgreementRequired):
            studio.submit(Request(model=model), "ben", action="load")


def test_a_first_download_is_asked_for_only_where_that_is_wished(catalogue, new_studio):
    catalogue.write_text(TERMS + "here: {engine: fake, source: .}\n")
    studio = new_studio()
    studio.submit(Request(model="here", prompt="x"), ask=True)
    studio.submit(Request(model="away", prompt="x"))
    with pytest.raises(AgreementRequired, match="Away has to be downloaded first"):
        studio.submit(Request(model="away", prompt="x"), ask=True)
    studio.agree("away")
    assert studio.submit(Request(model="away", prompt="x"), ask=True).model == "away"


def test_what_is_wrong_in_a_request_is_said_before_it_is_asked_for_an_agreement(catalogue, new_studio):
    catalogue.write_text(TERMS)
    with pytest.raises(BadRequest, match="prompt is empty"):
        new_studio().submit(Request(model="closed", prompt=" "))


def test_an_agreement_outlives_the_studio(catalogue, new_studio):
    catalogue.write_text(TERMS)
    studio = new_studio()
    studio.agree("closed", "anna")
    studio.close()
    assert new_studio().agreed("closed", "anna")


def test_preload_says_what_has_to_be_agreed_to(catalogue, new_studio):
    catalogue.write_text(TERMS)
    studio = new_studio(preload=["closed"])
    studio.start()
    assert studio.jobs() == [] and "--preload" in studio.problems[0] and "/v1/registry/closed/agree" in studio.problems[0]


def test_a_model_lies_in_memory_as_it_was_chosen(studio, finish, new_studio):
    studio.choose("fake", dtype="bfloat16")
    made(finish, studio, model="fake", prompt="x")
    row = studio.memory().models[0]
    assert (row.dtype, row.mode) == ("bfloat16", "whole")
    status = studio.model("fake")
    assert (status.dtype, status.dtypes) == ("bfloat16", ("float32", "bfloat16"))
    assert new_studio().spec("fake").dtype == "bfloat16"  # kept in the data folder
    studio.choose("fake")
    made(finish, studio, model="fake", prompt="x")
    assert studio.memory().models[0].dtype == "float32"


def test_a_way_that_is_not_to_be_had_is_refused(studio):
    with pytest.raises(BadRequest, match="mode is 'offload': on CPU, Fake pictures can be had as whole") as caught:
        studio.choose("fake", mode="offload")
    assert caught.value.param == "mode"
    with pytest.raises(BadRequest, match="dtype is 'float16': Fake pictures can be had as float32, bfloat16"):
        studio.choose("fake", dtype="float16")


def test_the_safety_checker_is_on_where_others_can_reach_the_studio(new_studio, catalogue):
    assert new_studio().spec("fake").safety is False
    assert new_studio(host="0.0.0.0").spec("fake").safety is True
    assert new_studio(share=True).spec("fake").safety is True
    catalogue.write_text("fake:\n  engine: fake\n  source: .\n  safety: false\n")
    assert new_studio(share=True).spec("fake").safety is False
