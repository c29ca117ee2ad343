//! The extended protocol: Parse, Bind, Describe, Execute, Close.

use std::pin::pin;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::datum;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::Oid;
use crate::model::value::Value;
use crate::pg::charset;
use crate::pg::connection::{Connection, Stop};
use crate::pg::decode::{Bind, Target};
use crate::pg::encode::{self, Format, Formats};
use crate::session::ParameterTypes;
use crate::sql::OutputColumn;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    pub(crate) async fn on_parse(
        &mut self,
        name: &str,
        text: &str,
        parameter_types: &[Oid],
    ) -> Result<(), Stop> {
        if name.is_empty() {
            // The unnamed statement makes way for the next one.
            self.session.close_statement("");
        }
        self.wire
            .drive(&self.canceler, self.session.prepare(name, text, parameter_types))
            .await??;
        self.send_asides();
        encode::parse_complete(&mut self.wire.out);
        Ok(())
    }

    pub(crate) async fn on_bind(&mut self, bind: Bind<'_>) -> Result<(), Stop> {
        let types =
            self.wire.drive(&self.canceler, self.session.parameter_types(bind.statement)).await??;
        let parameters = match self.read_parameters(&bind, &types) {
            Ok(parameters) => parameters,
            Err(error) => {
                self.fail().await?;
                return Err(error.into());
            }
        };
        if bind.portal.is_empty() {
            self.unnamed_formats.clone_from(&bind.result_formats);
        }
        let formats = bind.result_formats;
        self.wire
            .drive(
                &self.canceler,
                self.session.bind(bind.portal, bind.statement, parameters, formats),
            )
            .await??;
        encode::bind_complete(&mut self.wire.out);
        Ok(())
    }

    /// The parameters in stored form.
    fn read_parameters(
        &self,
        bind: &Bind<'_>,
        ParameterTypes { types, forms }: &ParameterTypes,
    ) -> Result<Vec<Value>, Error> {
        if bind.parameters.len() != types.len() {
            return Err(Error::user(
                SqlState::PROTOCOL_VIOLATION,
                format!(
                    "bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
                    bind.parameters.len(),
                    bind.statement,
                    types.len()
                ),
            ));
        }
        // The number of format codes was checked when the message was read.
        let formats = encode::formats(&bind.parameter_formats, bind.parameters.len())?;
        for code in &bind.result_formats {
            Format::from_code(*code)?;
        }
        let style = self.session.style();
        let charset = self.wire.out.charset;
        let mut values = Vec::with_capacity(types.len());
        for (at, (parameter, &data_type)) in bind.parameters.iter().zip(types.iter()).enumerate() {
            let Some(bytes) = parameter else {
                values.push(Value::Null);
                continue;
            };
            let form = forms.get(at).and_then(Option::as_deref);
            let value = match formats.of(at) {
                Format::Binary => {
                    charset::binary(charset, data_type, form, bytes).and_then(|bytes| match form {
                        None => datum::from_binary(data_type, &bytes),
                        Some(form) => form.from_binary(&bytes),
                    })
                }
                Format::Text => charset::text(charset, bytes).and_then(|text| match form {
                    // The statement looks it up.
                    None if datum::is_object_name(data_type, &text) => {
                        Ok(Value::Text(text.into_owned()))
                    }
                    None => datum::from_text(data_type, &text, style),
                    Some(form) => form.from_text(&text, style),
                }),
            };
            values.push(value.map_err(|error| {
                in_parameter(
                    error,
                    bind.portal,
                    at + 1,
                    (formats.of(at) == Format::Text).then_some(bytes),
                )
            })?);
        }
        Ok(values)
    }

    pub(crate) async fn on_describe(&mut self, target: Target, name: &str) -> Result<(), Stop> {
        let (columns, formats) = match target {
            Target::Statement => {
                let described = self
                    .wire
                    .drive(&self.canceler, self.session.describe_statement(name))
                    .await??;
                encode::parameter_description(&described.parameters, &mut self.wire.out);
                (described.columns, Vec::new())
            }
            Target::Portal => {
                self.wire.drive(&self.canceler, self.session.describe_portal(name)).await??
            }
        };
        let described = self.put_row_description(columns.as_deref(), &formats);
        if let Err(error) = described {
            self.fail().await?;
            return Err(error.into());
        }
        Ok(())
    }

    fn put_row_description(
        &mut self,
        columns: Option<&[OutputColumn]>,
        codes: &[i16],
    ) -> Result<(), Error> {
        let Some(columns) = columns else {
            encode::no_data(&mut self.wire.out);
            return Ok(());
        };
        let formats = match codes {
            [] => Formats::All(Format::Text),
            codes => encode::formats(codes, columns.len())?,
        };
        encode::row_description(columns, &formats, &mut self.wire.out)
    }

    pub(crate) async fn on_execute(&mut self, portal: &str, rows_max: u32) -> Result<(), Stop> {
        let formats = if portal.is_empty() {
            self.unnamed_formats.clone()
        } else {
            self.wire.drive(&self.canceler, self.session.describe_portal(portal)).await??.1
        };
        let sync_follows = self.wire.next_kind() == Some(b'S');
        self.session.set_sync_follows(sync_follows);
        let reply = {
            let execution = pin!(self.session.execute(portal, rows_max));
            self.wire.drive(&self.canceler, execution).await??
        };
        self.send_reply(reply, Some(&formats)).await
    }

    pub(crate) fn on_close(&mut self, target: Target, name: &str) {
        match target {
            Target::Statement => self.session.close_statement(name),
            Target::Portal => self.session.close_portal(name),
        }
        encode::close_complete(&mut self.wire.out);
    }
}

/// Says which parameter a value is wrong in. Text is hinted at and not shown, as with PostgreSQL's
/// default of `log_parameter_max_length_on_error`.
fn in_parameter(error: Error, portal: &str, number: usize, text: Option<&[u8]>) -> Error {
    let portal = if portal.is_empty() {
        "unnamed portal".to_owned()
    } else {
        format!("portal \"{portal}\"")
    };
    let value = text.map_or("", |text| if text.is_empty() { " = ''" } else { " = '...'" });
    error.with_context(format!("{portal} parameter ${number}{value}"))
}
