//! Windows and their frames.

use crate::model::error::Error;
use crate::sql::Argument;
use crate::sql::bound::{FrameBound, Offset, Window};
use crate::sql::lite;
use crate::sql::lower::expr::constant;
use crate::sql::lower::{Lower, collated};

impl Lower<'_> {
    pub(super) fn window(&mut self, window: &Window) -> Result<lite::Window, Error> {
        let partition_by = window
            .partition_by
            .iter()
            .map(|expr| Ok(collated(self.types, self.expr(expr)?, expr.data_type)))
            .collect::<Result<_, Error>>()?;
        let frame = window.frame.as_ref().map(|frame| lite::Frame {
            unit: frame.unit,
            start: self.frame_bound(&frame.start),
            end: self.frame_bound(&frame.end),
            exclude: frame.exclude,
        });
        Ok(lite::Window { partition_by, order_by: self.order_by(&window.order_by)?, frame })
    }

    fn frame_bound(&mut self, bound: &FrameBound) -> lite::FrameBound {
        match bound {
            FrameBound::UnboundedPreceding => lite::FrameBound::UnboundedPreceding,
            FrameBound::CurrentRow => lite::FrameBound::CurrentRow,
            FrameBound::UnboundedFollowing => lite::FrameBound::UnboundedFollowing,
            FrameBound::Preceding(offset) => lite::FrameBound::Preceding(self.offset(offset)),
            FrameBound::Following(offset) => lite::FrameBound::Following(self.offset(offset)),
        }
    }

    /// SQLite takes no function call here.
    fn offset(&mut self, offset: &Offset) -> lite::Expr {
        match offset {
            Offset::Constant(value) => constant(value),
            Offset::Parameter { number, rule } => {
                self.argument(Argument::FrameOffset { parameter: *number, rule: *rule })
            }
        }
    }
}
