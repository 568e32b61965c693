"""The reading of SQL statements, and the shards of a statement in a layout."""

from tests.scaling.layouts import SHARDS, Layout, shard_of
from tests.scaling.statements import parse


def test_condition_of_select_fixes_column():
    statement = parse('SELECT "t"."a" FROM "t" WHERE "t"."b" = %s', ["x"])
    assert statement.values(("t", "b")) == {"x"}
    assert statement.values(("t", "a")) is None


def test_list_fixes_column_to_several_values():
    statement = parse('DELETE FROM "t" WHERE ("t"."a" > %s AND "t"."b" IN (%s, %s))', [1, 2, 3])
    assert statement.values(("t", "b")) == {"2", "3"}
    assert statement.values(("t", "a")) is None


def test_join_fixes_column_of_other_table():
    sql = 'SELECT 1 FROM "t" INNER JOIN "u" ON ("t"."u_id" = "u"."id") WHERE "u"."id" = %s'
    assert parse(sql, [7]).values(("t", "u_id")) == {"7"}


def test_alias_of_subquery_is_its_table():
    sql = 'SELECT (SELECT 1 FROM "t" "V0" WHERE "V0"."b" = %s) FROM "u" WHERE "u"."id" = %s'
    statement = parse(sql, ["x", "y"])
    assert statement.values(("t", "b")) == {"x"}
    assert statement.values(("u", "id")) == {"y"}


def test_choice_of_value_fixes_nothing():
    sql = 'SELECT 1 FROM "t" ORDER BY CASE WHEN ("t"."id" = %s) THEN %s ELSE %s END'
    assert parse(sql, ["x", 0, 1]).values(("t", "id")) is None


def test_assignment_of_update_fixes_nothing():
    statement = parse("UPDATE `t` SET `a` = %s WHERE `t`.`id` = %s", ["x", "y"])
    assert statement.values(("t", "a")) is None
    assert statement.values(("t", "id")) == {"y"}


def test_condition_without_table_fixes_column_of_update():
    sql = 'UPDATE "t" SET "a" = (SELECT 1 FROM "u" WHERE "u"."b" = %s), "c" = %s WHERE "id" = %s'
    statement = parse(sql, ["x", "y", "z"])
    assert statement.values(("t", "id")) == {"z"}
    assert statement.values(("t", "c")) is None


def test_rows_of_insert_fix_columns():
    sql = 'INSERT INTO "t" ("a", "at") VALUES (%s, NOW(6)), (%s, NOW(6)) RETURNING "t"."id"'
    statement = parse(sql, ["x", "y"])
    assert statement.values(("t", "a")) == {"x", "y"}
    assert statement.values(("t", "at")) is None
    assert statement.writes


def test_layout_reads_copied_table_on_one_shard_and_writes_it_on_all():
    layout = Layout({"t": "id"})
    assert len(layout.shards(parse('SELECT 1 FROM "u"', []))) == 1
    assert len(layout.shards(parse('UPDATE "u" SET "a" = %s', [1]))) == SHARDS


def test_layout_sends_statement_with_key_to_shard_of_its_value():
    layout = Layout({"t": "id"})
    assert layout.shards(parse('SELECT 1 FROM "t" WHERE "t"."id" = %s', [7])) == {shard_of("7")}


def test_layout_sends_statement_without_key_to_all_shards():
    layout = Layout({"t": "id"})
    assert len(layout.shards(parse('SELECT 1 FROM "t" WHERE "t"."a" = %s', [7]))) == SHARDS


def test_layout_sends_join_by_other_column_to_all_shards():
    layout = Layout({"t": "id", "u": "id"})
    sql = 'SELECT 1 FROM "t" INNER JOIN "u" ON ("t"."u_id" = "u"."id") WHERE "t"."id" = %s'
    assert len(layout.shards(parse(sql, [7]))) == SHARDS
