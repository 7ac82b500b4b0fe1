"""What other tools read of a picture. That every format carries its record is tested through media.py."""

from studio import formats

SIZE = (8, 8)


def test_parameters_leave_out_what_does_not_apply_and_quote_what_would_mislead():
    text = formats.parameters({"model": "a, b: c", "seed": 1, "prompt": ""}, SIZE)
    assert text == f'Seed: 1, Size: 8x8, Model: "a, b: c", Version: {formats.SOFTWARE}'


def test_a_prompt_stands_as_written_before_what_was_kept_out():
    record = {"prompt": "a fox,\nrunning", "model": "m", "seed": 2, "options": {"negative_prompt": "blur, noise", "strength": 0.6}}
    assert "strength" not in formats.parameters(record, SIZE)
    record["inputs"] = {"image": "0" * 64}
    assert formats.parameters(record, SIZE).split("\n") == [
        "a fox,",
        "running",
        "Negative prompt: blur, noise",
        f"Seed: 2, Size: 8x8, Model: m, Denoising strength: 0.6, Version: {formats.SOFTWARE}",
    ]
