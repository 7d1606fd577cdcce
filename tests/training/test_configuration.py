"""A training file is answered early and in one sentence."""

import pytest

from napari_uncertainseg import InputError
from napari_uncertainseg.training.configuration import read_configuration


def write(folder, text, subjects=("a",)):
    for subject in subjects:
        (folder / "data" / subject).mkdir(parents=True, exist_ok=True)
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
        (GOOD.replace("steps = 3", "steps = 'many'"), "'steps' must be int"),
        (GOOD.replace("steps = 3", "stepz = 3"), "unknown key 'stepz'"),
        (GOOD.replace('name = "test"', ""), "lacks the key 'name'"),
        (GOOD + "\n[network]\nfeatures = 3\n", "'features' must be"),
        ("name = ", "not a TOML file"),
    ],
)
def test_mistakes_are_named(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        read_configuration(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        read_configuration(tmp_path / "nowhere.toml")
