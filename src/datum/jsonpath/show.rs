//! Shows a path as PostgreSQL does: keys in quotes, parentheses where a part binds no more than what it
//! is in.

use crate::datum::json::write_string;
use crate::datum::jsonpath::{Expr, Operator, Path, Step};

pub(super) fn path(path: &Path) -> String {
    let mut out = String::new();
    if path.strict {
        out.push_str("strict ");
    }
    expr(&path.root, true, &mut out);
    out
}

/// How strongly it binds.
fn priority(expr: &Expr) -> u8 {
    match expr {
        Expr::Or(..) => 0,
        Expr::And(..) => 1,
        Expr::Compare(..) | Expr::StartsWith(..) => 2,
        Expr::Arithmetic(Operator::Add | Operator::Subtract, ..) => 3,
        Expr::Arithmetic(..) => 4,
        Expr::Negated(_) | Expr::Unchanged(_) => 5,
        Expr::Steps(head, _) => priority(head),
        _ => 6,
    }
}

fn infix(whole: &Expr, sign: &str, sides: (&Expr, &Expr), brackets: bool, out: &mut String) {
    if brackets {
        out.push('(');
    }
    operand(whole, sides.0, out);
    out.push(' ');
    out.push_str(sign);
    out.push(' ');
    operand(whole, sides.1, out);
    if brackets {
        out.push(')');
    }
}

fn operand(whole: &Expr, part: &Expr, out: &mut String) {
    expr(part, priority(part) <= priority(whole), out);
}

fn variable(name: &str, out: &mut String) {
    out.push('$');
    write_string(name, out);
}

fn expr(whole: &Expr, brackets: bool, out: &mut String) {
    match whole {
        Expr::Root => out.push('$'),
        Expr::Current => out.push('@'),
        Expr::Last => out.push_str("last"),
        Expr::Variable(name) => variable(name, out),
        Expr::Null => out.push_str("null"),
        Expr::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Expr::Number(number) => out.push_str(&number.to_string()),
        Expr::String(text) => write_string(text, out),
        Expr::Steps(head, steps) => {
            match &**head {
                Expr::Number(number) => {
                    out.push('(');
                    out.push_str(&number.to_string());
                    out.push(')');
                }
                head => expr(head, brackets, out),
            }
            for one in steps {
                step(one, out);
            }
        }
        Expr::Arithmetic(operator, left, right) => {
            infix(whole, operator.sign(), (left, right), brackets, out);
        }
        Expr::Compare(comparison, left, right) => {
            infix(whole, comparison.sign(), (left, right), brackets, out);
        }
        Expr::And(left, right) => infix(whole, "&&", (left, right), brackets, out),
        Expr::Or(left, right) => infix(whole, "||", (left, right), brackets, out),
        Expr::StartsWith(left, right) => {
            infix(whole, "starts with", (left, right), brackets, out);
        }
        Expr::Negated(inside) | Expr::Unchanged(inside) => {
            if brackets {
                out.push('(');
            }
            out.push(if matches!(whole, Expr::Negated(_)) { '-' } else { '+' });
            operand(whole, inside, out);
            if brackets {
                out.push(')');
            }
        }
        Expr::Not(inside) => enclosed("!(", inside, ")", out),
        Expr::IsUnknown(inside) => enclosed("(", inside, ") is unknown", out),
        Expr::Exists(inside) => enclosed("exists (", inside, ")", out),
        Expr::Like(left, pattern) => {
            if brackets {
                out.push('(');
            }
            operand(whole, left, out);
            out.push_str(" like_regex ");
            write_string(&pattern.text, out);
            if !pattern.letters.is_empty() {
                out.push_str(" flag \"");
                out.push_str(&pattern.letters);
                out.push('"');
            }
            if brackets {
                out.push(')');
            }
        }
    }
}

fn enclosed(before: &str, inside: &Expr, after: &str, out: &mut String) {
    out.push_str(before);
    expr(inside, false, out);
    out.push_str(after);
}

fn step(step: &Step, out: &mut String) {
    match step {
        Step::Key(key) => {
            out.push('.');
            write_string(key, out);
        }
        Step::AnyKey => out.push_str(".*"),
        Step::AnyElement => out.push_str("[*]"),
        Step::Elements(list) => {
            for (at, (from, to)) in list.iter().enumerate() {
                out.push(if at == 0 { '[' } else { ',' });
                expr(from, false, out);
                if let Some(to) = to {
                    out.push_str(" to ");
                    expr(to, false, out);
                }
            }
            out.push(']');
        }
        Step::Levels(0, u32::MAX) => out.push_str(".**"),
        Step::Levels(first, last) => {
            let level = |level: u32| match level {
                u32::MAX => "last".to_owned(),
                level => level.to_string(),
            };
            out.push_str(".**{");
            out.push_str(&level(*first));
            if first != last {
                out.push_str(" to ");
                out.push_str(&level(*last));
            }
            out.push('}');
        }
        Step::Filter(inside) => enclosed("?(", inside, ")", out),
        Step::Method(method) => {
            out.push('.');
            out.push_str(method.name());
            out.push_str("()");
        }
    }
}
