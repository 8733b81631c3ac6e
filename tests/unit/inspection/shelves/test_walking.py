from inspection.recipe import Position
from inspection.shelves.walking import Step, natural, steps


def position(name: str, x: float, foot: float, *, fixture: str = "", tall: float = 0.2) -> Position:
    box = (x, foot - tall, x + 0.1, foot)
    return Position(name=name, product=name, box=box, fixture=fixture)


def test_numbers_in_names_count_as_numbers() -> None:
    names = ["Bay 10", "bay 2", "Bay 1b", "Aisle", "Bay"]
    assert sorted(names, key=natural) == ["Aisle", "Bay", "Bay 1b", "bay 2", "Bay 10"]


def test_a_name_of_digits_and_one_of_letters_can_be_sorted() -> None:
    assert sorted(["b", "3", "a1", "12", ""], key=natural) == ["", "3", "12", "a1", "b"]


def test_shelves_are_walked_from_the_top_and_from_left_to_right() -> None:
    found = steps(
        [
            position("low right", 0.6, 0.9),
            position("top left", 0.1, 0.4),
            position("low left", 0.1, 0.92),
            position("top right", 0.6, 0.38),
        ]
    )
    assert found == {
        "top left": Step(1, 1),
        "top right": Step(1, 2),
        "low left": Step(2, 1),
        "low right": Step(2, 2),
    }


def test_items_of_other_heights_stand_on_the_same_shelf() -> None:
    found = steps([position("tall", 0.1, 0.5, tall=0.4), position("small", 0.5, 0.52, tall=0.1)])
    assert {step.row for step in found.values()} == {1}


def test_the_planograms_fixtures_are_the_shelves_where_it_names_them() -> None:
    # A camera that looks up from one side: the right end of the upper board is the lower one.
    found = steps(
        [
            position("A1", 0.1, 0.30, fixture="board A"),
            position("A2", 0.8, 0.62, fixture="board A"),
            position("B1", 0.1, 0.60, fixture="board B"),
            position("B2", 0.8, 0.95, fixture="board B"),
        ]
    )
    assert found["A2"] == Step(1, 2)
    assert found["B1"] == Step(2, 1)


def test_nothing_has_no_way() -> None:
    assert steps([]) == {}
