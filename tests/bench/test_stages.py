"""To which stage of a decision a sample of py-spy belongs."""

from bench.load.stages import REST, samples_by_stage, stage_of

HTTP = "RequestResponseCycle.run_asgi (uvicorn/protocols/http/httptools_impl.py:422)"
DECISIONING = f"{HTTP};Decisioning._attempt (app/decisioning.py:170)"


def test_the_innermost_known_frame_says_where() -> None:
    assert stage_of(f"main (x.py:1);{HTTP}") == "HTTP: uvicorn"
    assert stage_of(f"{DECISIONING};decide (rules/decide.py:36);<lambda> (<string>:1)") == "decide"
    assert stage_of(f"{DECISIONING};customer_from (profiles/store.py:297)") == "parse profile and ledger"
    assert stage_of(DECISIONING) == "what joins them"
    assert stage_of("Runner.run (asyncio/runners.py:118)") == REST


def test_samples_add_up() -> None:
    found = samples_by_stage([f"{HTTP} 3", f"{DECISIONING};decide (rules/decide.py:36) 4", f"{HTTP};f (a.py:1) 2"])
    assert found == {"HTTP: uvicorn": 5, "decide": 4}
