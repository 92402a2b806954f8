"""Reads from source which events a service says: what reaches ``work.say(event, …)``, through names and calls.

The first argument of every ``work.say(`` (also ``self.work.say(``) is followed: a text, a constant (here or
imported from the same service), a local name, an entry of a table of constants, or a parameter, which is
followed to the function's callers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

EVENT = re.compile(r"[a-z]+\.[a-z_]+\.v[0-9]+")
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Unclear(Exception):
    """An event's name is computed in a way that cannot be followed: write it plainly."""


class SaidBy:
    """The source of one service under ``services``."""

    def __init__(self, services: Path, service: str) -> None:
        self._trees = {
            path: ast.parse(path.read_text(encoding="utf-8"), str(path))
            for path in sorted((services / service).rglob("*.py"))
        }
        self._constants: dict[str, list[ast.expr]] = {}
        for tree in self._trees.values():
            for node in tree.body:
                targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
                for target in targets:
                    if (
                        isinstance(target, ast.Name)
                        and isinstance(node, ast.Assign | ast.AnnAssign)
                        and node.value
                    ):
                        self._constants.setdefault(target.id, []).append(node.value)

    def events(self) -> dict[str, list[str]]:
        """Every event said, with the places (file:line) that say it; Unclear when one cannot be told."""
        found: dict[str, list[str]] = {}
        for path, call, function in self._calls("say"):
            for event in self._texts(call.args[0], function, path, call):
                found.setdefault(event, []).append(f"{path.name}:{call.lineno}")
        return found

    def _calls(self, name: str) -> Iterator[tuple[Path, ast.Call, Function | None]]:
        for path, tree in self._trees.items():
            for node, function in _with_function(tree, None):
                if isinstance(node, ast.Call) and _calls(node.func, name) and node.args:
                    yield path, node, function

    def _texts(self, node: ast.expr, function: Function | None, path: Path, call: ast.Call) -> set[str]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return {node.value}
        if isinstance(node, ast.IfExp):
            return self._texts(node.body, function, path, call) | self._texts(
                node.orelse, function, path, call
            )
        if isinstance(node, ast.Subscript):
            return self._in_table(node.value)
        if isinstance(node, ast.Attribute):
            return self._of_constant(node.attr, path, call)
        if isinstance(node, ast.Name):
            local = self._local(node.id, function)
            if local:
                return set().union(*(self._texts(value, function, path, call) for value in local))
            position = _parameter(node.id, function)
            if position is not None and function is not None:
                return self._from_callers(function, position)
            return self._of_constant(node.id, path, call)
        raise Unclear(f"{path}:{call.lineno}")

    def _local(self, name: str, function: Function | None) -> list[ast.expr]:
        values = []
        for node in ast.walk(function) if function else ():
            if isinstance(node, ast.Assign):
                names = [
                    each.id
                    for target in node.targets
                    for each in ast.walk(target)
                    if isinstance(each, ast.Name)
                ]
                values += [node.value] if name in names else []
        return values

    def _from_callers(self, function: Function, position: int) -> set[str]:
        found: set[str] = set()
        for path, call, outer in self._calls(function.name):
            found |= self._texts(call.args[position], outer, path, call)
        return found

    def _of_constant(self, name: str, path: Path, call: ast.Call) -> set[str]:
        texts = {
            value.value
            for value in self._constants.get(name, ())
            if isinstance(value, ast.Constant) and isinstance(value.value, str)
        }
        if not texts:
            raise Unclear(f"{path}:{call.lineno}: {name}")
        return texts

    def _in_table(self, table: ast.expr) -> set[str]:
        texts = {
            each.value
            for value in self._constants.get(_name(table), ())
            for each in ast.walk(value)
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and EVENT.fullmatch(each.value)
        }
        if not texts:
            raise Unclear(ast.unparse(table))
        return texts


def _with_function(node: ast.AST, function: Function | None) -> Iterator[tuple[ast.AST, Function | None]]:
    for child in ast.iter_child_nodes(node):
        yield child, function
        inner = child if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield from _with_function(child, inner)


def _calls(function: ast.expr, name: str) -> bool:
    if name == "say":
        return (
            isinstance(function, ast.Attribute) and function.attr == "say" and _name(function.value) == "work"
        )
    return _name(function) == name


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _parameter(name: str, function: Function | None) -> int | None:
    names = [argument.arg for argument in function.args.args] if function else []
    if name not in names:
        return None
    return names.index(name) - (1 if names[0] in ("self", "cls") else 0)
