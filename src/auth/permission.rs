//! What a user may do, in rqlite's words.

/// One of the things that can be permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Permission {
    Execute = 1 << 0,
    Query = 1 << 1,
    Load = 1 << 2,
    Backup = 1 << 3,
    Status = 1 << 4,
    Ready = 1 << 5,
    Snapshot = 1 << 6,
    LeaderOps = 1 << 7,
    Remove = 1 << 8,
    Ui = 1 << 9,
    Join = 1 << 10,
    JoinReadOnly = 1 << 11,
}

/// Several of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u16);

/// As they are written. `all` is all of them.
const NAMES: [(&str, Permissions); 14] = [
    ("all", Permissions(u16::MAX)),
    ("execute", one(Permission::Execute)),
    ("query", one(Permission::Query)),
    ("load", one(Permission::Load)),
    ("backup", one(Permission::Backup)),
    ("status", one(Permission::Status)),
    ("ready", one(Permission::Ready)),
    ("snapshot", one(Permission::Snapshot)),
    ("leader-ops", one(Permission::LeaderOps)),
    ("remove", one(Permission::Remove)),
    ("ui", one(Permission::Ui)),
    ("join", one(Permission::Join)),
    ("join-read-only", one(Permission::JoinReadOnly)),
    ("join-read-replica", one(Permission::JoinReadOnly)),
];

const fn one(permission: Permission) -> Permissions {
    Permissions(permission as u16)
}

impl Permission {
    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Permissions {
        one(self).and(one(other))
    }
}

impl From<Permission> for Permissions {
    fn from(permission: Permission) -> Self {
        one(permission)
    }
}

impl Permissions {
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, permissions)| *permissions)
    }

    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all that is wanted is among them.
    pub fn has(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}
