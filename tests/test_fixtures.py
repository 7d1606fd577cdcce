"""The fixtures themselves: a viewer opens, and what is left behind is found."""

import threading

import numpy as np
from platformdirs import user_cache_dir, user_config_dir
from tests.leaks import new_threads


def test_user_folders_are_not_the_users_own(user_folders):
    assert user_cache_dir("napari-uncertainseg").startswith(str(user_folders))
    assert user_config_dir("napari").startswith(str(user_folders))


def test_a_real_viewer_opens_and_draws(make_viewer, user_folders):
    from napari.settings import get_settings

    viewer = make_viewer()
    viewer.add_image(np.eye(32, dtype=np.float32))
    picture = viewer.screenshot(canvas_only=True, flash=False)
    assert picture[..., :3].max() > 200
    assert str(get_settings().config_path).startswith(str(user_folders))


def test_a_thread_left_running_is_seen():
    before, stop = set(threading.enumerate()), threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert new_threads(before) == [thread]
    finally:
        stop.set()
        thread.join()
    assert new_threads(before) == []
