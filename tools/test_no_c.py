"""Plants each kind of forbidden crate in a small workspace and expects no_c.py to object."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import no_c

TARGET = "x86_64-unknown-linux-gnu"


class Planted(unittest.TestCase):
    """A package `app` whose one dependency `planted` is what a test makes it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def package(self, name, manifest="", files=()):
        folder = self.folder / name
        (folder / "src").mkdir(parents=True)
        (folder / "src" / "lib.rs").write_text("")
        (folder / "Cargo.toml").write_text(
            f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n{manifest}'
        )
        for file in files:
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text("")

    def run_check(self, table="dependencies"):
        self.package("app", f'[{table}]\nplanted = {{ path = "../planted" }}\n[workspace]\n')
        manifest = self.folder / "app" / "Cargo.toml"
        subprocess.run(
            ["cargo", "generate-lockfile", "--offline", f"--manifest-path={manifest}"],
            check=True, capture_output=True,
        )
        return subprocess.run(
            [sys.executable, no_c.__file__, "--manifest-path", str(manifest), "app", TARGET],
            capture_output=True, text=True,
        )

    def assert_refused(self, result, words):
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(words, result.stdout)

    def test_a_plain_crate_passes(self):
        self.package("planted")
        result = self.run_check()
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_a_links_key_is_refused(self):
        self.package("planted", 'links = "zstd"\n', ["build.rs"])
        self.assert_refused(self.run_check(), "planted 0.1.0 links zstd")

    def test_a_build_dependency_on_cc_is_refused(self):
        self.package("cc")
        self.package("planted", '[build-dependencies]\ncc = { path = "../cc" }\n', ["build.rs"])
        self.assert_refused(self.run_check(), "planted 0.1.0 uses cc")

    def test_a_crate_in_a_build_dependencys_tree_is_refused(self):
        self.package("planted", 'links = "z"\n', ["build.rs"])
        self.assert_refused(self.run_check("build-dependencies"), "planted 0.1.0 links z")

    def test_a_development_dependency_is_not_shipped(self):
        self.package("planted", 'links = "sqlite3"\n', ["build.rs"])
        result = self.run_check("dev-dependencies")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def outside(self, builds):
        """`planted` as cargo would tell of a crate from a registry."""
        return {
            "name": "planted", "links": None, "source": "registry",
            "manifest_path": str(self.folder / "planted" / "Cargo.toml"),
            "targets": [{"kind": ["lib"]}] + [{"kind": ["custom-build"]}] * builds,
        }

    def test_c_sources_under_a_build_script_are_refused(self):
        self.package("planted", files=["c/deep.c"])
        self.assertEqual(list(no_c.objections(self.outside(1), set())), ["has C sources"])
        self.assertEqual(list(no_c.objections(self.outside(0), set())), [])

    def test_compiled_code_is_refused_outside_a_crates_tests(self):
        self.package("planted", files=["tests/fixture.dll"])
        self.assertEqual(list(no_c.objections(self.outside(0), set())), [])
        (self.folder / "planted" / "lib.a").write_text("")
        self.assertEqual(list(no_c.objections(self.outside(0), set())), ["ships compiled code"])

    def test_an_exception_holds_only_with_its_feature(self):
        feature, _ = no_c.ALLOWED["aegis", "uses cc"]
        self.assertEqual(feature, "pure-rust")
        self.package("cc")
        self.package("aegis", '[features]\npure-rust = []\n[build-dependencies]\ncc = { path = "../cc" }\n', ["build.rs"])
        self.package("planted", '[dependencies]\naegis = { path = "../aegis" }\n')
        self.assert_refused(self.run_check(), "aegis 0.1.0 uses cc")


if __name__ == "__main__":
    unittest.main()
