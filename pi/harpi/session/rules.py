"""Which command is done in which state.

=================  ===================  =================  =================  ================
command            idle                 recording,         training           paused
                                        testing
=================  ===================  =================  =================  ================
record             begins a take        refused            refused            refused
stop               refused              keeps the take     refused            refused
undo               takes back what was  drops the take     refused            refused
                   done last
relabel            renames takes        refused            refused            refused
delete             puts takes away      refused            refused            refused
restore            brings takes back    refused            refused            refused
train              begins to train      refused            refused            refused
pause              refused              refused            pauses             refused
resume             refused              refused            refused            goes on
cancel             refused, or no to    drops the take     breaks off         breaks off
                   "forget?", or
                   breaks off the
                   evaluation
forget             asks                 refused            refused            refused
forget, confirmed  forgets              refused            refused            refused
confirm            refused, or yes to   refused            refused            refused
                   "forget?"
use                another head         refused            refused            refused
discard            deletes a head       refused            deletes a head     deletes a head
evaluate           begins to test       refused            begins to test     begins to test
mount              begins a session     refused            begins a session   begins a session
status             tells                tells              tells              tells
=================  ===================  =================  =================  ================

By themselves end: a take after its seconds, training and an evaluation when they are done,
the question whether to forget after `harpi.session.question.ASKING_SECONDS` or with the next
command that does something. An evaluation goes on beside everything; a second one is refused
meanwhile.
"""

from __future__ import annotations

from typing import Final

from harpi.commands import (
    Cancel,
    Command,
    Confirm,
    Delete,
    Discard,
    Evaluate,
    Forget,
    Mount,
    Pause,
    Record,
    Relabel,
    Restore,
    Resume,
    Situation,
    State,
    Status,
    Stop,
    Train,
    Undo,
    Use,
)

_STATES: Final[dict[type[Command], tuple[State, ...]]] = {
    Record: ("idle",),
    Stop: ("recording", "testing"),
    Undo: ("idle", "recording", "testing"),
    Relabel: ("idle",),
    Delete: ("idle",),
    Restore: ("idle",),
    Train: ("idle",),
    Pause: ("training",),
    Resume: ("paused",),
    Cancel: ("recording", "testing", "training", "paused"),
    Forget: ("idle",),
    Confirm: (),
    Use: ("idle",),
    Discard: ("idle", "training", "paused"),
    Evaluate: ("idle", "training", "paused"),
    Mount: ("idle", "training", "paused"),
    Status: ("idle", "recording", "testing", "training", "paused"),
}


def allowed(command: Command, situation: Situation) -> bool:
    """Tell whether a command is done as things stand; where not, it is refused."""
    match command:
        case Confirm() if situation.asking:
            return True
        case Cancel() if situation.asking or situation.evaluating:
            return True
    return situation.state in _STATES[type(command)]
