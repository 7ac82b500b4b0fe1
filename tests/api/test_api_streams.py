import asyncio

from studio.api.streams import WAITING, data, kept_alive


async def lines(pause: float, ended: list):
    try:
        for number in range(3):
            await asyncio.sleep(pause)
            yield str(number)
    finally:
        ended.append(True)


async def collected(stream, stop_after: int | None = None) -> list[str]:
    found = []
    async for line in stream:
        found.append(line)
        if len(found) == stop_after:
            break
    await stream.aclose()
    await asyncio.sleep(0.01)
    return found


def test_a_stream_that_waits_says_so():
    found = asyncio.run(collected(kept_alive(lines(0.1, []), silence=0.03)))
    assert WAITING in found
    assert [line for line in found if line != WAITING] == ["0", "1", "2"]


def test_a_quick_stream_goes_through():
    assert asyncio.run(collected(kept_alive(lines(0, []), silence=5))) == ["0", "1", "2"]


def test_closing_it_between_two_lines_or_while_it_waits_ends_what_it_reads():
    for pause in (0, 0.1):
        ended = []
        asyncio.run(collected(kept_alive(lines(pause, ended), silence=0.02), stop_after=1))
        assert ended


def test_an_event_is_written_as_the_standard_says():
    assert data({"a": "\n"}, "text", 4) == 'id: 4\nevent: text\ndata: {"a": "\\n"}\n\n'
