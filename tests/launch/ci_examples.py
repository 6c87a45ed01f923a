"""What launch/ci/ shows is run: the shell scripts of the GitHub workflow and of the Jenkinsfile retrain a model for real, take a refusal for no
failure, and end with ringtrain's code for a real one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402

CI = jobs.SOURCE / "launch/ci"


def github_script():
    steps = yaml.safe_load((CI / "github-actions.yml").read_text())["jobs"]["retrain"]["steps"]
    (script,) = [step["run"] for step in steps if "run" in step]
    return script


def jenkins_script():
    (script,) = re.findall(r"sh\(returnStatus: true, script: '''(.*?)'''\)", (CI / "Jenkinsfile").read_text(), re.DOTALL)
    return script


def run(script, folder, new_data, build):
    """In a checkout of its own, as a runner has it."""
    work = folder / f"run {build}"
    work.mkdir()
    (work / "configs").symlink_to(jobs.SOURCE / "configs")
    environment = os.environ | {"PATH": f"{Path(jobs.RINGTRAIN).parent}:{os.environ['PATH']}", "MODELS": str(folder / "models"), "NEW_DATA": str(new_data),
                                "GITHUB_RUN_ID": build, "BUILD_NUMBER": build, "GITHUB_STEP_SUMMARY": str(work / "summary.md")}
    done = subprocess.run(["bash", "-e", "-c", script], cwd=work, env=environment, capture_output=True, text=True, timeout=200)
    return done, work


def main():
    with jobs.Folder() as folder:
        for name, seed in (("old", 1), ("new", 2)):
            jobs.run("generate", "fraud", "--rows", 3000, "--seed", seed, "--output", folder / f"{name}.csv")
        jobs.run("train", "configs/fraud.yaml", "--train-file", folder / "old.csv", "--job-dir", folder / "job", "--set", "trainer.epochs=1",
                 "--set", f"export.repository={folder / 'models'}")

        done, work = run(github_script(), folder, folder / "new.csv", "1")
        summary = (work / "summary.md").read_text()
        refused = "::notice::the new version is not better" in done.stdout
        assert done.returncode == 0 and ("Refused: it is" if refused else "Promoted: it is") in summary, (done, summary)
        assert list(work.glob("jobs/retrain-*/retrain_report.*")), "the workflow keeps these"

        done, _ = run(jenkins_script(), folder, folder / "new.csv", "2")
        assert done.returncode in (0, 8), done
        for build, script in (("3", github_script()), ("4", jenkins_script())):
            done, _ = run(script, folder, folder / "none.csv", build)
            assert done.returncode == 3 and "none.csv: there is no such file" in done.stderr, done
    print(f"the examples ran; the new version was {'refused' if refused else 'promoted'}")


main()
