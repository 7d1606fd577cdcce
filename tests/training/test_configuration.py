"""A training file is answered early and in one sentence."""

import pytest

from napari_uncertainseg import InputError
from napari_uncertainseg.networks.multihead import MultiHeadUNet
from napari_uncertainseg.training.configuration import NetworkConfiguration
from napari_uncertainseg.training.configuration_file import read_configuration


def write(folder, text, subjects=("a",)):
    for subject in subjects:
        (folder / "data" / subject).mkdir(parents=True, exist_ok=True)
        (folder / "data" / subject / "patient1.nii.gz").touch()
    path = folder / "run.toml"
    path.write_text(text)
    return path


GOOD = """
name = "test"
output = "out"
[data]
folder = "data"
subjects = ["a/"]
masks = "a"
[optimisation]
steps = 3
learning_rate = 1
"""


def test_paths_count_from_the_file_and_defaults_fill_in(tmp_path):
    configuration = read_configuration(write(tmp_path, GOOD))
    assert configuration.data.folder == tmp_path / "data"
    assert configuration.output == tmp_path / "out"
    assert configuration.optimisation.steps == 3
    assert configuration.network.heads == 5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace('["a/"]', '["b/"]'), "is not there"),
        (GOOD.replace('masks = "a"', 'masks = "none"'), "lesion masks"),
        (
            GOOD.replace("steps = 3", "steps = 'many'"),
            r"\[optimisation\] steps should be a whole number",
        ),
        (GOOD.replace("steps = 3", "stepz = 3"), "stepz is an unknown key; known are steps, batch"),
        (GOOD.replace('name = "test"', ""), "'name' is missing, it should be text"),
        (GOOD + "\n[network]\nfeatures = 3\n", "features should be a list"),
        (GOOD + "\n[network]\nfeatures = [true, 2]\n", "features should be a list of 2 to 7 whole numbers"),
        (GOOD + "\n[network]\nthin = 1\n", r"\[network\] thin should be true or false, not 1"),
        (
            GOOD.replace("steps = 3", "steps = true"),
            r"\[optimisation\] steps should be a whole number",
        ),
        (GOOD.replace('["a/"]', "[1]"), "subjects should be a list of one subject or more, as texts"),
        ("network = 3\n" + GOOD, "'network' should be a table, not 3"),
        (GOOD.replace('name = "test"', 'name = "-"'), "'name' should begin with a letter or digit"),
        (
            GOOD.replace('name = "test"', 'name = "test"\nsmoothing = 5'),
            "'smoothing' should be a number",
        ),
        ("name = ", "not a TOML file"),
        (GOOD.replace("steps = 3", f"steps = {'9' * 400}"), r"\[optimisation\] steps is a number too large"),
        (GOOD.replace("rate = 1", f"rate = {'9' * 400}"), "learning_rate is a number too large"),
        (GOOD + f"\n[network]\nfeatures = [4, {'9' * 400}]\n", "features is a number too large"),
        (
            GOOD.replace('name = "test"', f'name = "test"\nsmoothing = {"9" * 400}'),
            "'smoothing' is a number too",
        ),
    ],
)
def test_mistakes_are_named(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        read_configuration(write(tmp_path, text))


@pytest.mark.parametrize(
    ("table", "key", "value", "right"),
    [
        ("data", "subjects", "[]", "a list of one subject or more"),
        ("data", "phantoms", "-1", "0 or more"),
        ("data", "planted", "1.5", "from 0 to 1"),
        ("data", "planted", "nan", "from 0 to 1"),
        ("data", "raters", "0", "1 or more"),
        ("data", "patch", "-16", "such as 32"),
        ("data", "patch", "16", "such as 32"),
        ("data", "patch", "90", "such as 96"),
        ("network", "features", "[8]", "2 to 7 whole numbers"),
        ("network", "features", "[8, 0]", "2 to 7 whole numbers"),
        ("network", "heads", "0", "from 1 to 64"),
        ("optimisation", "steps", "0", "1 or more"),
        ("optimisation", "batch", "-2", "1 or more"),
        ("optimisation", "learning_rate", "0", "above 0"),
        ("optimisation", "learning_rate", "inf", "above 0"),
        ("optimisation", "warmup", "-1", "0 or more"),
        ("optimisation", "dropout", "1", "below 0.95"),
        ("optimisation", "calibration", "-0.1", "0 or more"),
        ("optimisation", "binning", '"fuzzy"', '"hard" or "soft"'),
        ("optimisation", "sampling", '"alphabet"', '"volume" or "random"'),
        ("optimisation", "average", "1", "below 1"),
        ("optimisation", "seed", "-1", "from 0"),
        ("optimisation", "validate_every", "-1", "0 or more"),
    ],
)
def test_values_out_of_range_are_answered_with_what_would_be_right(tmp_path, table, key, value, right):
    tables = {"data": {"folder": '"data"', "subjects": '["a/"]'}, "network": {}, "optimisation": {}}
    tables[table][key] = value
    lines = ['name = "test"', 'output = "out"']
    for name, values in tables.items():
        lines += [f"[{name}]", *(f"{k} = {v}" for k, v in values.items())]
    with pytest.raises(InputError) as answer:
        read_configuration(write(tmp_path, "\n".join(lines)))
    for part in ("run.toml", f"[{table}] {key} should be", right):
        assert part in str(answer.value)


def test_the_sizes_that_fit_are_the_networks_own():
    shape = NetworkConfiguration(features=(2, 2, 2))
    network = MultiHeadUNet(3, shape.features, shape.heads)
    assert (shape.divisor, shape.smallest) == (network.divisor, network.smallest)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('excluded_masks = ["patient2"]', "'patient2', but .* has no mask of that name"),
        ('excluded_masks = ["patient1"]', "no lesion mask to plant"),
        ('validation = ["a/"]', "'a/' is trained on and in"),
        ('validation = ["c/"]', "data folder .*c is not there"),
    ],
)
def test_what_does_not_fit_together_is_named(tmp_path, line, says):
    with pytest.raises(InputError, match=says):
        read_configuration(write(tmp_path, GOOD.replace('masks = "a"', f'masks = "a"\n{line}')))


def test_validation_needs_subjects(tmp_path):
    with pytest.raises(InputError, match="validate_every needs subjects"):
        read_configuration(write(tmp_path, GOOD + "validate_every = 2\n"))


def test_each_seed_can_begin_with_its_own_weights(tmp_path):
    for seed in (0, 2):
        (tmp_path / f"member{seed}.safetensors").touch()
    path = write(tmp_path, f'start_from = "member{{seed}}.safetensors"\n{GOOD}')
    assert read_configuration(path).start_from.name == "member0.safetensors"
    assert read_configuration(path, seed=2).start_from.name == "member2.safetensors"
    with pytest.raises(InputError, match=r"no file .*member1"):
        read_configuration(path, seed=1)


def test_weights_to_start_from_must_be_there(tmp_path):
    with pytest.raises(InputError, match=r"'start_from' should name a model's weights, but .*none"):
        read_configuration(write(tmp_path, f'start_from = "none.safetensors"\n{GOOD}'))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        read_configuration(tmp_path / "nowhere.toml")


def test_weights_that_are_read_are_not_replaced(tmp_path):
    """By whatever link they are named."""
    model = tmp_path / "out" / "model"
    model.mkdir(parents=True)
    (model / "weights.safetensors").touch()
    with pytest.raises(InputError, match="no run there trained"):
        read_configuration(write(tmp_path, GOOD))
    (tmp_path / "link.safetensors").hardlink_to(model / "weights.safetensors")
    (tmp_path / "out" / "checkpoint.pt").touch()
    for start in ("link.safetensors", "out/model/weights.safetensors", "out/checkpoint.pt"):
        with pytest.raises(InputError, match="'start_from' lies in 'output'"):
            read_configuration(write(tmp_path, f'start_from = "{start}"\n{GOOD}'))
    assert read_configuration(write(tmp_path, GOOD)).output == tmp_path / "out"
