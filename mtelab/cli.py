"""The command ``mtelab``. Each subcommand is a function of the parsed arguments that returns an exit status."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

OURS = "mtelab's own if left out"


def lab(args: argparse.Namespace) -> int:
    """Open JupyterLab at the course."""
    from mtelab import course

    try:
        return course.lab(args)
    except course.CourseError as error:
        return _refuse(error)


def release(args: argparse.Namespace) -> int:
    """Make a folder of the course for students, or for an instructor."""
    from mtelab.course import CourseError
    from mtelab.learn.editions import EditionError
    from mtelab.learn.labs import UnknownLabError
    from mtelab.learn.release import ReleaseError, release

    try:
        labs = release(Path(args.out), args.lab, instructor=args.instructor)
    except (CourseError, EditionError, ReleaseError, UnknownLabError) as error:
        return _refuse(error)
    count = f"{len(labs)} lab{'' if len(labs) == 1 else 's'}"
    if args.instructor:
        print(f"{args.out}: {count}, worked. In that folder: nbgrader generate_assignment {labs[0]}")
    else:
        print(f"{args.out}: {count}. Open them with: mtelab lab {shlex.quote(args.out)}")
    return 0


def problem(args: argparse.Namespace) -> int:
    """Print the exercises that there are, or a question of one."""
    from mtelab.course import CourseError
    from mtelab.learn import problems
    from mtelab.learn.editions import EditionError
    from mtelab.learn.labs import UnknownLabError

    if args.exercise is None and (args.solution or args.seed is not None):
        return _refuse("--seed, --solution: expected LAB and EXERCISE too")
    try:
        if args.exercise is None:
            print(problems.listing(args.lab))
        else:
            print(problems.problem(args.lab, args.exercise, args.seed, solution=args.solution))
    except (CourseError, EditionError, UnknownLabError, problems.UnknownProblemError) as error:
        return _refuse(error)
    return 0


def hub(args: argparse.Namespace) -> int:
    """Print the configuration of a JupyterHub for the course."""
    from mtelab.deploy import RECIPE

    print(RECIPE.read_text(encoding="utf-8"), end="")
    return 0


def site(args: argparse.Namespace) -> int:
    """Build a site of the course that runs in the browser alone."""
    from mtelab.course import CourseError
    from mtelab.deploy.site import FIRST, SiteError, build
    from mtelab.learn.editions import EditionError

    try:
        build(Path(args.out), Path(args.pyodide) if args.pyodide else None)
    except (CourseError, EditionError, SiteError) as error:
        return _refuse(error)
    print(f"{args.out}: the site. To see it: python -m http.server --directory {shlex.quote(args.out)} 8080")
    print(f"and open http://localhost:8080/{FIRST}")
    return 0


def conformance_insn(args: argparse.Namespace) -> int:
    """Compare the processor with recorded instruction vectors."""
    from mtelab.arch.vectors import conformance
    from mtelab.recordings import RecordingError, folder

    try:
        return conformance.report(args.path or [folder("insn")])
    except RecordingError as error:
        return _refuse(error)


def scenario(args: argparse.Namespace) -> int:
    """Run a scenario on the model of a kernel."""
    from mtelab.kvm.releases import UnknownKernel
    from mtelab.recordings import RecordingError
    from mtelab.scenario import ScenarioError, commands

    if args.shrink and not args.compare:
        return _refuse("--shrink: expected --compare too, which says what is wrong")
    try:
        return commands.scenario(args.file, args.kernel, args.compare, args.shrink)
    except ScenarioError as error:
        return _refuse(f"{args.file}: {error}")
    except (RecordingError, UnknownKernel) as error:
        return _refuse(error)


def contend(args: argparse.Namespace) -> int:
    """Say what a protocol costs when many guests want it at once."""
    from mtelab.contention import commands

    asked = {name: value for name, value in vars(args).items() if name not in ("run", "json")}
    try:
        return commands.report(args.json, **asked)
    except ValueError as error:
        return _refuse(error)


def conformance_scenarios(args: argparse.Namespace) -> int:
    """Compare the models of Linux and KVM with recorded scenarios."""
    from mtelab.kvm.releases import UnknownKernel
    from mtelab.recordings import RecordingError, folder
    from mtelab.scenario import commands

    try:
        return commands.conformance(args.path or [folder("scenario")], args.kernel)
    except (RecordingError, UnknownKernel) as error:
        return _refuse(error)


def verify(args: argparse.Namespace) -> int:
    """Explore every interleaving of protocols in situations."""
    from mtelab.explorer import verify as command

    try:
        if args.litmus:
            if args.protocol or args.situation or args.memory:
                return _refuse("--litmus: expected no PROTOCOL, --situation or --memory beside it")
            return command.verify_litmus(args.json)
        limits = {} if args.max_states is None else {"max_states": args.max_states}
        return command.verify(
            args.protocol,
            args.situation,
            args.memory,
            args.json,
            cpus=args.cpus,
            pages=args.pages,
            mmu_lock=args.mmu_lock,
            **limits,
        )
    except ValueError as error:
        return _refuse(error)


def _refuse(error: Exception | str) -> int:
    print(f"mtelab: {error}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    """Make the parser of the whole command line."""
    top = argparse.ArgumentParser(prog="mtelab", description="How a hypervisor shares Arm's MTE with its guests.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("lab", help="open the course in JupyterLab")
    command.add_argument("folder", nargs="?", help="where the course is, or is to be copied")
    command.add_argument("--port", type=int, help="port to listen on")
    command.add_argument("--no-browser", action="store_true", help="do not open a browser")
    command.add_argument("--seed", metavar="NAME", help="whose questions to ask: any name, such as your own")
    command.set_defaults(run=lab)

    command = commands.add_parser(
        "release",
        help="make a folder of the course for students, or for an instructor",
        description="Make a folder of the course: the student's edition, notebook beside notebook; or, with "
        "--instructor, a course folder of nbgrader with the worked edition, source/LAB/LAB.ipynb and "
        "nbgrader_config.py, in which nbgrader's commands release, collect, autograde and report.",
    )
    command.add_argument("out", metavar="OUT", help="a new or an empty folder")
    command.add_argument("lab", nargs="*", default=[], metavar="LAB", help="name or number, such as 1; all if left out")
    command.add_argument("--instructor", action="store_true", help="the worked edition, for nbgrader")
    command.set_defaults(run=release)

    command = commands.add_parser(
        "problem",
        help="print a question of an exercise, and its answer",
        description="Print a question of an exercise: the one that a notebook asks with problem(EXERCISE, seed=N). "
        "Without a seed it is the learner's own, that of MTELAB_SEED or of the user's name on a hub. "
        "Without an exercise, print which there are.",
    )
    command.add_argument("lab", nargs="?", metavar="LAB", help="name or number, such as 1")
    command.add_argument("exercise", nargs="?", metavar="EXERCISE", help="such as which_pointer")
    command.add_argument("--seed", type=int, metavar="N", help="which of the questions")
    command.add_argument("--solution", action="store_true", help="print the answer too")
    command.set_defaults(run=problem)

    command = commands.add_parser(
        "hub",
        help="print the configuration of a JupyterHub for a class",
        description="Print the configuration of a JupyterHub: mtelab hub > jupyterhub_config.py. It needs "
        'python -m pip install "mtelab[hub]".',
    )
    command.set_defaults(run=hub)

    command = commands.add_parser(
        "site",
        help="build a site of the course that runs in the browser alone",
        description="Build a site of static files: JupyterLite, the student's labs and this installation of mtelab. "
        'It needs python -m pip install "mtelab[site]".',
    )
    command.add_argument("out", metavar="OUT", help="a new or an empty folder")
    command.add_argument(
        "--pyodide",
        metavar="FILE",
        help="full archive of Pyodide, for a site that needs no network; else the browser fetches it",
    )
    command.set_defaults(run=site)

    command = commands.add_parser("scenario", help="run a scenario on the model of a kernel")
    command.add_argument("file", metavar="FILE", help="operations of the scenario language, one a line")
    command.add_argument("--kernel", default="linux-6.1", metavar="K", help="such as linux-6.12; linux-6.1 if left out")
    command.add_argument("--compare", metavar="RECORDING", help="mark what differs from this recording of the same")
    command.add_argument("--shrink", action="store_true", help="with --compare: find the fewest operations that differ")
    command.set_defaults(run=scenario)

    command = commands.add_parser("contend", help="run many guests at once and say what a protocol costs them")
    command.add_argument("--protocol", required=True, metavar="P", help="such as big-lock or page-lock")
    command.add_argument(
        "--workload", default="start-up", metavar="W", help="start-up, resume, migration, steady-state"
    )
    command.add_argument("--guests", type=int, default=4, metavar="N", help="virtual machines; 4 if left out")
    command.add_argument("--vcpus", type=int, default=4, metavar="N", help="vCPUs of each guest; 4 if left out")
    command.add_argument("--pages", type=int, metavar="N", help="4 KiB pages of each guest; 1024 if left out")
    command.add_argument("--cores", type=int, metavar="N", help="of the machine; one for each vCPU if left out")
    command.add_argument("--block", default="4K", metavar="SIZE", help="4K or 2M; 4K if left out")
    command.add_argument("--mmu-lock", metavar="HOW", help="exclusive or shared; as the release had it if left out")
    command.add_argument("--unfair", dest="fair", action="store_false", help="spinlocks that are not queued")
    command.add_argument("--frames", default="scattered", metavar="WHERE", help="scattered (default) or contiguous")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="of what varies; 0 if left out")
    command.add_argument("--json", action="store_true", help="print the numbers as JSON")
    command.set_defaults(run=contend)

    command = commands.add_parser("conformance", help="compare the models with recordings")
    recordings = command.add_subparsers(required=True, metavar="RECORDINGS")
    command = recordings.add_parser("insn", help="the processor with instruction vectors")
    command.add_argument("path", nargs="*", metavar="PATH", help=f"file of vectors, or folder of .jsonl files; {OURS}")
    command.set_defaults(run=conformance_insn)
    command = recordings.add_parser("scenarios", help="Linux and KVM with scenarios that real kernels ran")
    command.add_argument("path", nargs="*", metavar="PATH", help=f"file of scenarios, or such a folder; {OURS}")
    command.add_argument("--kernel", metavar="K", help="such as linux-6.12; all that are recorded if left out")
    command.set_defaults(run=conformance_scenarios)

    command = commands.add_parser("verify", help="explore every interleaving of protocols in situations")
    command.add_argument("protocol", nargs="?", metavar="PROTOCOL", help="such as page-lock; all if left out")
    command.add_argument("--situation", metavar="S", help="such as two-vms; with PROTOCOL: the shortest counterexample")
    command.add_argument("--cpus", type=int, default=2, metavar="N", help="how many take part; 2 if left out")
    command.add_argument("--pages", type=int, default=1, metavar="N", help="on how many pages; 1 if left out")
    command.add_argument("--memory", metavar="M", help="sc or arm; both if left out")
    command.add_argument(
        "--mmu-lock", metavar="L", help="exclusive or shared; as in the protocol's release if left out"
    )
    command.add_argument("--max-states", type=int, metavar="N", help="stop after so many: the verdict is then unknown")
    command.add_argument("--litmus", action="store_true", help="the memory model against the standard litmus tests")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=verify)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 all is well, 1 a model disagrees, 2 bad input."""
    args = parser().parse_args(argv)
    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as head, has left; what it did not want needs no traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status
