"""Many jobs: the line before the slots, whose they are, what outlives the server, what is forgotten."""

import itertools
import json
import shutil
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from genlab import api, checkpoints
from genlab.errors import Busy, InvalidInput
from genlab.jobs import Job, JobStore
from genlab.training import train
from tests.helpers import states_equal

Stores = Callable[..., JobStore]
MLP = {"network": "mlp", "latent": 4}


def submit(store: JobStore, steps: int = 1_000_000, owner: str | None = None, **training: Any) -> Job:
    training = {"steps": steps, "batch_size": 2, "preview_every": 1_000_000} | training
    return api.submit(api.training_plan("vae", training, MLP, shop=store.shop), owner=owner, store=store)


def until(condition: Callable[[], object]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("it never came to that")


def ended(job: Job) -> str:
    *_, last = job.follow()
    return last.state


def learned(job: Job, steps: int = 3) -> None:
    until(lambda: job.look().view.step >= steps)


def test_first_come_first_served(store: JobStore) -> None:
    first, second, third = (submit(store, owner=name) for name in "abc")
    assert [j.state for j in (first, second, third)] == ["running", "waiting", "waiting"]
    assert [j.look().place.before for j in (second, third)] == [0, 1]
    assert store.counts() == (1, 2)
    store.stop(first.id)
    until(lambda: second.state == "running")
    until(lambda: third.look().place.before == 0)
    store.stop(third.id)
    assert third.state == "stopped" and third.look().view.step == 0 and "before it began" in third.message
    store.stop(second.id)
    ended(second)
    until(lambda: store.counts() == (0, 0))


def test_the_expected_wait_is_what_is_left_of_those_before(store: JobStore) -> None:
    first = submit(store, 100, owner="a", batch_size=10)
    ended(first)  # now the pace of the family is known
    speed = first.work.view().images_per_second
    at_work = submit(store, 10_000_000 // 20, owner="a")
    waits = [submit(store, 1000, owner=name, batch_size=8) for name in "bc"]
    learned(at_work)
    place = [job.look().place for job in waits]
    assert place[1].seconds - place[0].seconds == pytest.approx(8000 / speed, rel=0.2)
    left = at_work.look().view.seconds_left
    assert place[0].seconds == pytest.approx(left, rel=0.5)


def test_as_many_at_once_as_there_are_slots(make_store: Stores) -> None:
    store = make_store(slots=2)
    jobs = [submit(store, owner=name) for name in "abc"]
    assert [j.state for j in jobs] == ["running", "running", "waiting"]
    for job in jobs[:2]:
        learned(job)
    store.stop(jobs[0].id)
    until(lambda: jobs[2].state == "running")
    assert jobs[1].state == "running" and not jobs[1].stopping, "a stop is for one job alone"


def test_a_visitor_has_one_job_at_work_and_one_waiting(make_store: Stores) -> None:
    store = make_store(slots=3)
    first, second = submit(store, owner="a"), submit(store, owner="a")
    assert (first.state, second.state) == ("running", "waiting"), "though two slots are free"
    with pytest.raises(Busy, match="a job waiting already"):
        submit(store, owner="a")
    assert submit(store, owner="b").state == "running", "others do not wait for him"
    store.stop(first.id)
    until(lambda: second.state == "running")
    assert submit(store, owner="a").state == "waiting"


def test_the_line_is_bounded(make_store: Stores) -> None:
    store = make_store(line=1)
    submit(store, owner="a")
    submit(store, owner="b")
    with pytest.raises(Busy, match="line is full"):
        submit(store, owner="c")


def test_no_line_at_all_still_has_its_slots(make_store: Stores) -> None:
    store = make_store(line=0)
    assert submit(store, owner="a").state == "running"
    with pytest.raises(Busy, match="line is full"):
        submit(store, owner="b")


def test_who_has_no_id_sees_nothing(store: JobStore) -> None:
    job = submit(store)
    ids = {job.id, submit(store).id}
    assert len(ids) == 2 and all(len(id) == 22 for id in ids)
    for id in ("", "x", job.id[:-1], job.id + "x", "../" + job.id, None, 7, [job.id], "x" * 22, "." * 22):
        for call in (store.get, store.stop, store.resume):
            with pytest.raises(InvalidInput, match="no such job, or it has expired"):
                call(id)
    assert job.state == "running"


def test_a_visitor_who_left_and_came_back_has_his_job_again(store: JobStore) -> None:
    job = submit(store, owner="before the reload")
    store.leave("before the reload")
    assert job.owner is None and job.state == "running"
    assert store.adopt(job.id, "after it") is job and job.owner == "after it"
    assert store.adopt(job.id, "a friend with the link").owner == "after it"
    submit(store, owner="after it")
    with pytest.raises(Busy):
        submit(store, owner="after it")


def test_stopped_and_resumed_it_learns_what_it_would_have_learned(make_store: Stores) -> None:
    """The same weights as an uninterrupted training, through a stop and a restart of the server."""
    store = make_store()
    steps = 400
    job = submit(store, steps, owner="a", seed=5)
    learned(job)
    store.stop(job.id)
    assert ended(job) == "stopped"
    at = job.look().view.step
    assert 0 < at < steps and job.resumable
    later = make_store()
    again = later.resume(job.id, "b")
    assert again.id == job.id and ended(again) == "finished" and not again.resumable
    curve = again.look().view.curves["loss"]
    assert [step for step, _ in curve] == list(range(1, steps + 1)), "one curve, no gap and nothing twice"

    plan = again.work.plan
    straight = plan.build(later.shop.library)
    for _ in train(straight, later.shop.data("mnist"), plan.training):
        pass
    assert states_equal(checkpoints.load(again.folder), straight)


def test_a_restart_is_announced_saved_and_survived(make_store: Stores) -> None:
    store = make_store()
    at_work, waiting = submit(store, owner="a"), submit(store, owner="b")
    learned(at_work)
    store.close()
    step = at_work.look().view.step
    assert at_work.state == waiting.state == "interrupted" and step > 0
    with pytest.raises(Busy, match="about to restart"):
        submit(store, owner="c")
    later = make_store()
    look = later.get(at_work.id).look()
    assert look.state == "interrupted" and look.view.step == step and look.resumable
    assert f"after step {step:,} by a restart" in look.message
    assert look.view.curves["loss"][-1][0] == step
    for id in (at_work.id, waiting.id):
        later.resume(id)
    learned(later.get(at_work.id), step + 1)
    later.stop(at_work.id)
    learned(later.get(waiting.id))


def test_what_a_killed_server_had_saved_is_there(make_store: Stores) -> None:
    store = make_store(save_seconds=0.0)
    job = submit(store)
    learned(job)
    copy = store.folder.with_name("killed")
    while True:
        try:
            shutil.copytree(store.folder, copy)  # a moment of its life, as a kill -9 leaves it
            break
        except shutil.Error:  # a file was renamed while it was copied
            shutil.rmtree(copy)
    look = make_store(folder=copy).get(job.id).look()
    assert look.state == "interrupted" and "went down" in look.message and look.resumable


@pytest.mark.parametrize("moment", ["before the state is written", "after it"])
@pytest.mark.parametrize("step", [1, 3, 4])
def test_a_kill_beside_the_state_leaves_no_gap_in_the_curve(
    step: int, moment: str, make_store: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state and the record are two files: whichever of them is newer, one curve comes out of both."""
    store, saves = make_store(save_seconds=0.0), itertools.count(1)
    copy, write = store.folder.with_name("killed"), checkpoints.save_state

    def watched(*args: Any) -> None:
        killed = next(saves) == step
        if killed and moment == "before the state is written":
            shutil.copytree(store.folder, copy)
        write(*args)
        if killed and moment == "after it":
            shutil.copytree(store.folder, copy)

    monkeypatch.setattr(checkpoints, "save_state", watched)
    job = submit(store, steps=4)
    assert ended(job) == "finished"
    later = make_store(folder=copy)
    again = later.get(job.id)
    assert again.state == "interrupted" and again.resumable
    later.resume(job.id)
    assert ended(later.get(job.id)) == "finished"
    assert [at for at, _ in later.get(job.id).look().view.curves["loss"]] == [1, 2, 3, 4]
    assert states_equal(checkpoints.load(copy / job.id), checkpoints.load(job.folder))


def test_resuming_what_cannot_go_on_is_refused(store: JobStore) -> None:
    job = submit(store, 2)
    assert ended(job) == "finished"
    with pytest.raises(InvalidInput, match="it is finished and cannot go on"):
        store.resume(job.id)


def test_a_damaged_record_is_no_job(make_store: Stores) -> None:
    store = make_store()
    job = submit(store, 2)
    ended(job)
    record = json.loads((job.folder / "job.json").read_text())
    for broken in ("", "{", "[]", "{}", json.dumps(record | {"kind": "x"}), json.dumps(record | {"work": 1})):
        (job.folder / "job.json").write_text(broken)
        with pytest.raises(InvalidInput, match="no such job"):
            make_store().get(job.id)


def test_ended_jobs_expire_and_their_number_is_bounded(make_store: Stores) -> None:
    store = make_store(keep_jobs=2)
    jobs = []
    for _ in range(4):
        jobs.append(submit(store, 1))
        ended(jobs[-1])
    until(lambda: store.counts() == (0, 0))
    kept = {path.name for path in store.folder.iterdir()}
    assert kept == {job.id for job in jobs[-2:]}
    with pytest.raises(InvalidInput, match="expired"):
        store.get(jobs[0].id)
    quick = make_store(keep_seconds=1.0)
    assert quick.get(jobs[-1].id).state == "finished"
    time.sleep(1.1)
    with pytest.raises(InvalidInput, match="expired"):
        quick.get(jobs[-1].id)
    assert not (store.folder / jobs[-1].id).exists()


def test_room_on_the_disk_is_bounded(make_store: Stores) -> None:
    store = make_store(keep_megabytes=6)
    jobs = []
    for _ in range(4):  # 2.6 MB each
        jobs.append(submit(store, 1))
        ended(jobs[-1])
    until(lambda: store.counts() == (0, 0))
    size = sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())
    assert 2 * 2**20 < size < 6 * 2**20
    assert store.get(jobs[-1].id).state == "finished"


def test_training_beside_another_leaves_the_seed_its_meaning(store: JobStore) -> None:
    """Submitting and looking use no random numbers of the training that runs meanwhile."""
    alone = submit(store, 200, seed=1)
    ended(alone)
    busy = submit(store, 200, owner="a", seed=1)
    for _ in range(20):
        api.training_plan("ddpm", {}, {}, shop=store.shop)
        torch.empty(0)
        busy.look()
    ended(busy)
    assert states_equal(checkpoints.load(alone.folder), checkpoints.load(busy.folder))
