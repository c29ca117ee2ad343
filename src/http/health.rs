//! The cluster's health in one sentence, in the words of who is on call: for `/nodes?details`, and
//! so for `eider status` and the console.
//!
//! Pure: it knows what was found out about each member, and asks nobody.

/// What is known of a member.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of an answer")]
pub(crate) struct Seen<'a> {
    pub(crate) name: &'a str,
    pub(crate) votes: bool,
    pub(crate) leads: bool,
    /// Whether it answers.
    pub(crate) reachable: bool,
    /// Entries that are known to be committed and that it hasn't applied; `None` if it isn't known.
    pub(crate) behind: Option<u64>,
    pub(crate) receives_snapshot: bool,
}

/// How well the cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// All members answer, and are in step.
    Healthy,
    /// Writes are taken, and something is missing.
    Degraded,
    /// Nothing can be written.
    Down,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Health {
    pub(crate) state: State,
    /// Two or three words.
    pub(crate) title: &'static str,
    /// What is wrong, and what that means.
    pub(crate) text: String,
}

/// A member that lacks no more entries than this is in step: members aren't asked at one moment.
pub(crate) const IN_STEP: u64 = 100;

impl Seen<'_> {
    fn is_late(&self) -> bool {
        self.reachable && (self.receives_snapshot || self.behind.is_some_and(|b| b > IN_STEP))
    }
}

/// Judges the cluster.
pub(crate) fn judge(members: &[Seen<'_>]) -> Health {
    let voters = members.iter().filter(|member| member.votes);
    let (all, up) =
        voters.fold((0, 0), |(all, up), member| (all + 1, up + usize::from(member.reachable)));
    if all == 0 {
        let text = "This node belongs to no cluster yet.".to_owned();
        return Health { state: State::Down, title: "No members", text };
    }
    let quorum = all / 2 + 1;
    let down = listed(members, |member| !member.reachable);
    let late = listed(members, |member| member.is_late());
    if up < quorum {
        let text = format!(
            "{} down. {up} of {} can be reached, and {quorum} are needed: nothing can be written.",
            down.unwrap_or_default(),
            counted(all, "voter"),
        );
        return Health { state: State::Down, title: "No majority", text };
    }
    let Some(leader) = members.iter().find(|member| member.leads && member.reachable) else {
        let text = format!(
            "{up} of {} can be reached. An election takes a second or two; writes wait for it.",
            counted(all, "voter"),
        );
        return Health { state: State::Down, title: "No leader", text };
    };
    let spare = up - quorum;
    if let Some(down) = down {
        let survives = match spare {
            0 => "cannot lose another voter".to_owned(),
            1 => "can lose one more voter".to_owned(),
            _ => format!("can lose {spare} more voters"),
        };
        let text = format!("{down} down. The cluster takes writes, and {survives}.");
        return Health { state: State::Degraded, title: "Degraded", text };
    }
    if let Some(late) = late {
        let text = format!("{late} behind. The cluster takes writes.");
        return Health { state: State::Degraded, title: "Catching up", text };
    }
    let survives = match spare {
        0 if all == 1 => "It is alone: what this machine loses is lost.".to_owned(),
        0 => "The cluster cannot lose a voter.".to_owned(),
        1 => "The cluster can lose one voter and go on.".to_owned(),
        _ => format!("The cluster can lose {spare} voters and go on."),
    };
    let text =
        format!("{}, led by {}. {survives}", counted(members.len(), "node"), called(leader.name));
    Health { state: State::Healthy, title: "Healthy", text }
}

/// The names of those members, and the verb that goes with them.
fn listed(members: &[Seen<'_>], which: impl Fn(&Seen<'_>) -> bool) -> Option<String> {
    let names: Vec<String> =
        members.iter().filter(|member| which(member)).map(|member| called(member.name)).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    (!names.is_empty()).then(|| format!("{} {verb}", names.join(", ")))
}

/// A number alone wouldn't be known for a name.
fn called(name: &str) -> String {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { format!("node {name}") } else { name.to_owned() }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = ["n1", "n2", "n3", "n4", "n5"];

    /// `L` leads, `f` follows, `b` is behind, `s` receives a snapshot, `r` only reads, `x` is down.
    fn told(members: &str) -> String {
        let seen = |(name, kind)| Seen {
            name,
            votes: kind != 'r',
            leads: kind == 'L',
            reachable: kind != 'x',
            behind: (kind != 'x').then_some(if kind == 'b' { IN_STEP + 1 } else { IN_STEP }),
            receives_snapshot: kind == 's',
        };
        let seen: Vec<Seen<'_>> = NAMES.into_iter().zip(members.chars()).map(seen).collect();
        let Health { state, title, text } = judge(&seen);
        format!("{}: {title}: {text}", state.name())
    }

    #[test]
    fn a_name_that_is_a_number_is_called_a_node() {
        assert_eq!([called("1"), called("n1")], ["node 1", "n1"]);
    }

    #[test]
    fn each_state_has_its_sentence() {
        for (members, expected) in [
            ("", "down: No members: This node belongs to no cluster yet."),
            (
                "L",
                "healthy: Healthy: 1 node, led by n1. It is alone: what this machine loses is lost.",
            ),
            ("Lf", "healthy: Healthy: 2 nodes, led by n1. The cluster cannot lose a voter."),
            (
                "fLf",
                "healthy: Healthy: 3 nodes, led by n2. The cluster can lose one voter and go on.",
            ),
            (
                "Lffff",
                "healthy: Healthy: 5 nodes, led by n1. The cluster can lose 2 voters and go on.",
            ),
            ("Lfr", "healthy: Healthy: 3 nodes, led by n1. The cluster cannot lose a voter."),
            (
                "Lfx",
                "degraded: Degraded: n3 is down. The cluster takes writes, and cannot lose another voter.",
            ),
            (
                "Lfffx",
                "degraded: Degraded: n5 is down. The cluster takes writes, and can lose one more voter.",
            ),
            ("Lbs", "degraded: Catching up: n2, n3 are behind. The cluster takes writes."),
            (
                "Lxx",
                "down: No majority: n2, n3 are down. 1 of 3 voters can be reached, and 2 are needed: nothing can be written.",
            ),
            (
                "ffx",
                "down: No leader: 2 of 3 voters can be reached. An election takes a second or two; writes wait for it.",
            ),
        ] {
            assert_eq!(told(members), expected, "{members}");
        }
    }
}
