//! Enums: their order is that of their labels.

use Lowering::{Call, Compare, CompareLabels, Labels};

use super::{Lowering, Row, Which};

pub(super) const ROWS: &[Row] = &[
    ("anyenum = anyenum", Compare("=")),
    ("anyenum <> anyenum", Compare("<>")),
    ("anyenum < anyenum", CompareLabels("<")),
    ("anyenum <= anyenum", CompareLabels("<=")),
    ("anyenum > anyenum", CompareLabels(">")),
    ("anyenum >= anyenum", CompareLabels(">=")),
    ("enum_first(anyenum)", Labels(Which::First)),
    ("enum_last(anyenum)", Labels(Which::Last)),
    ("enum_range(anyenum)", Labels(Which::All)),
    ("enum_range(anyenum,anyenum)", Labels(Which::Between)),
    ("min(anyenum)", Call("min")),
    ("max(anyenum)", Call("max")),
];
