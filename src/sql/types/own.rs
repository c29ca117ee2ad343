//! The types that a database adds to PostgreSQL's: enums, domains, composite types, ranges, and the arrays of them.
//!
//! Their values are stored as those of a *carrier*, one of PostgreSQL's own types, which is what
//! functions in SQLite are told.

use std::borrow::Cow;
use std::sync::Arc;

use crate::datum::form::{FieldForm, Form};
use crate::datum::{self, Style, range};
use crate::model::catalog::{
    Attribute, Catalog, DomainConstraint, EnumLabel, RangeOf, UserType, UserTypeKind,
};
use crate::model::error::Error;
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::pgdata::{FIRST_OWN_OID, quote_identifier};
use crate::sql::CompileSettings;
use crate::sql::types::Types;

/// A database's types and how names of them are looked up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) settings: &'a CompileSettings,
}

/// A domain, with those that it is over.
#[derive(Debug, Clone)]
pub(crate) struct Domain<'a> {
    /// What is beneath all of them.
    pub(crate) base: PgType,
    pub(crate) not_null: bool,
    pub(crate) default: Option<&'a str>,
    /// Those of the domains beneath come first; of each domain by name.
    pub(crate) checks: Vec<&'a DomainConstraint>,
}

/// What an OID means among a database's types.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'a> {
    Type(&'a UserType),
    /// The array of this type.
    ArrayOf(&'a UserType),
}

impl<'a> Own<'a> {
    fn find(self, oid: Oid) -> Option<Found<'a>> {
        if oid < FIRST_OWN_OID {
            return None;
        }
        if let Some(known) = self.catalog.types.get(&oid) {
            return Some(Found::Type(known));
        }
        let mut all = self.catalog.types.values();
        all.find(|known| known.array_oid == oid).map(|known| Found::ArrayOf(known))
    }

    /// The schemas that names are looked up in: the session's temporary one comes first.
    fn path(self) -> impl Iterator<Item = &'a str> {
        let named = self.settings.search_path.iter().any(|schema| schema == "pg_temp");
        let first = self.settings.temporary_used && !named;
        let path = self.settings.search_path.iter().map(move |schema| match schema.as_str() {
            "$user" => self.settings.user.as_str(),
            other => self.meant(other),
        });
        first.then_some(self.settings.temporary_schema.as_str()).into_iter().chain(path)
    }

    /// The schema that is meant by its written name.
    fn meant<'n>(self, written: &'n str) -> &'n str
    where
        'a: 'n,
    {
        if written == "pg_temp" { &self.settings.temporary_schema } else { written }
    }

    /// The type of this name; an unqualified one is looked for along the search path.
    pub(super) fn named(self, schema: Option<&str>, name: &str) -> Option<&'a UserType> {
        let found = |schema: &str| self.catalog.user_type(schema, name).map(AsRef::as_ref);
        match schema {
            Some(schema) => found(self.meant(schema)),
            None => self.path().find_map(found),
        }
    }

    /// A type's name as messages have it: with the schema where the search path doesn't find it.
    fn label(self, known: &UserType) -> String {
        let name = quote_identifier(&known.name);
        let visible = self.named(None, &known.name).is_some_and(|found| found.oid == known.oid);
        if visible && crate::pgdata::type_by_name(&known.name).is_none() {
            name.into_owned()
        } else {
            format!("{}.{name}", quote_identifier(&known.schema))
        }
    }
}

impl<'a> Types<'a> {
    /// The OID of the database's type of this name.
    pub(crate) fn own_named(self, schema: Option<&str>, name: &str) -> Option<Oid> {
        self.own?.named(schema, name).map(|known| known.oid)
    }

    pub(super) fn has_schema(self, name: &str) -> bool {
        matches!(name, "pg_catalog" | "information_schema")
            || self.own.is_none_or(|own| own.catalog.schemas.contains_key(own.meant(name)))
    }

    /// What an OID that isn't one of PostgreSQL's own types means.
    pub(super) fn own(self, oid: Oid) -> Option<Found<'a>> {
        self.own?.find(oid)
    }

    pub(super) fn own_label(self, oid: Oid) -> Cow<'a, str> {
        match (self.own, self.own(oid)) {
            (Some(own), Some(Found::Type(known))) => Cow::Owned(own.label(known)),
            (Some(own), Some(Found::ArrayOf(known))) => {
                Cow::Owned(format!("{}[]", own.label(known)))
            }
            _ => Cow::Borrowed("???"),
        }
    }

    /// One of the database's domains, with what it is over.
    pub(crate) fn domain(self, oid: Oid) -> Option<Domain<'a>> {
        let mut found: Option<Domain<'a>> = None;
        let mut next = oid;
        while let Some(Found::Type(UserType {
            kind: UserTypeKind::Domain { base, not_null, default, constraints },
            ..
        })) = self.own(next)
        {
            let mut checks: Vec<&DomainConstraint> = constraints.iter().collect();
            checks.sort_unstable_by(|left, right| left.name.cmp(&right.name));
            let above = found.take();
            let (mut not_null, mut default) = (*not_null, default.as_deref());
            if let Some(above) = above {
                not_null |= above.not_null;
                default = above.default.or(default);
                checks.extend(above.checks);
            }
            next = base.oid;
            found = Some(Domain { base: *base, not_null, default, checks });
        }
        found
    }

    /// Whether a type is this domain, or a domain over it.
    pub(crate) fn is_over(self, oid: Oid, domain: Oid) -> bool {
        let mut next = oid;
        while let Some(Found::Type(UserType {
            oid, kind: UserTypeKind::Domain { base, .. }, ..
        })) = self.own(next)
        {
            if *oid == domain {
                return true;
            }
            next = base.oid;
        }
        false
    }

    /// The schema and the name of one of the database's types.
    pub(crate) fn domain_names(self, oid: Oid) -> (&'a str, &'a str) {
        match self.own(oid) {
            Some(Found::Type(known)) => (&known.schema, &known.name),
            _ => ("", ""),
        }
    }

    /// What clients are told that values of a type are: of a domain, the type beneath.
    pub(crate) fn shown(self, data_type: PgType) -> PgType {
        match self.domain(data_type.oid) {
            Some(domain) => domain.base,
            None => data_type,
        }
    }

    /// The attributes of a composite type, or of a domain over one.
    pub(crate) fn attributes(self, oid: Oid) -> Option<&'a [Attribute]> {
        match self.own(self.base(oid))? {
            Found::Type(UserType { kind: UserTypeKind::Composite { attributes, .. }, .. }) => {
                Some(attributes)
            }
            _ => None,
        }
    }

    /// What one of the database's range types is of.
    pub(super) fn own_range(self, oid: Oid) -> Option<&'a RangeOf> {
        match self.own(oid)? {
            Found::Type(UserType { kind: UserTypeKind::Range(known), .. }) => Some(known),
            _ => None,
        }
    }

    /// Whether values of a composite type hold such of a domain somewhere, whose constraints have to be
    /// looked at.
    pub(crate) fn holds_domain(self, oid: Oid) -> bool {
        let within = |attribute: &Attribute| {
            self.domain(attribute.data_type.oid).is_some()
                || self.holds_domain(attribute.data_type.oid)
        };
        self.attributes(oid).is_some_and(|attributes| attributes.iter().any(within))
    }

    /// The labels of an enum in their order.
    pub(crate) fn labels(self, oid: Oid) -> Option<&'a [EnumLabel]> {
        match self.own(self.base(oid))? {
            Found::Type(UserType { kind: UserTypeKind::Enum { labels }, .. }) => Some(labels),
            _ => None,
        }
    }

    /// How values of a type of the database are read and written; `None` for PostgreSQL's own.
    pub(crate) fn form(self, oid: Oid) -> Option<Arc<Form>> {
        let form = match self.own(oid)? {
            Found::Type(known) => match &known.kind {
                UserTypeKind::Enum { labels } => Form::Enum {
                    label: self.own_label(oid).into_owned(),
                    values: labels.iter().map(|label| label.label.clone()).collect(),
                },
                UserTypeKind::Range(_) | UserTypeKind::Multirange { .. } => {
                    Form::Plain(self.carrier(PgType::new(oid)))
                }
                UserTypeKind::Domain { .. } => {
                    let base = self.domain(oid)?.base;
                    return Some(
                        self.form(base.oid).unwrap_or_else(|| Arc::new(Form::Plain(base))),
                    );
                }
                UserTypeKind::Composite { attributes, .. } => {
                    Form::Composite(attributes.iter().map(|one| self.field_form(one)).collect())
                }
            },
            Found::ArrayOf(known) => {
                Form::Array { element: known.oid, form: self.form(known.oid)? }
            }
        };
        Some(Arc::new(form))
    }

    fn field_form(self, attribute: &Attribute) -> FieldForm {
        let data_type = attribute.data_type;
        // A domain's modifier is that of what it is over.
        let modifier = self.domain(data_type.oid).map_or(data_type, |domain| domain.base).modifier;
        FieldForm {
            name: attribute.name.clone(),
            type_oid: data_type.oid,
            label: self.label(data_type.oid).into_owned(),
            carrier: PgType { modifier, ..self.carrier(data_type) },
            form: self.form(data_type.oid),
        }
    }

    /// The type of PostgreSQL's own whose values are stored alike.
    pub(crate) fn carrier(self, data_type: PgType) -> PgType {
        if data_type.oid < FIRST_OWN_OID {
            return data_type;
        }
        match self.own(data_type.oid) {
            Some(Found::Type(known)) => match &known.kind {
                UserTypeKind::Enum { .. } => PgType::TEXT,
                UserTypeKind::Domain { base, .. } => self.carrier(*base),
                UserTypeKind::Composite { .. } => PgType::RECORD,
                UserTypeKind::Range(known) => range::carrier(known.subtype, false),
                UserTypeKind::Multirange { range } => {
                    let subtype = self.subtype(*range).unwrap_or(PgType::TEXT.oid);
                    range::carrier(subtype, true)
                }
            },
            Some(Found::ArrayOf(known)) => {
                let element = self.carrier(PgType::new(known.oid));
                let array = range::array_of(element.oid).or_else(|| self.array_of(element.oid));
                array.map_or(PgType::TEXT, PgType::new)
            }
            None => data_type,
        }
    }

    /// A constant's value.
    ///
    /// # Errors
    /// As [`datum::from_text`]; 22P02 for what isn't a label of an enum.
    pub(crate) fn read(self, target: PgType, text: &str, style: &Style) -> Result<Value, Error> {
        match self.form(target.oid) {
            Some(form) => form.from_text(text, style),
            None => datum::from_text(target, text, style),
        }
    }
}
