//! What a statement takes and a row gives: integers of 64 bits and text. Amounts are decimal text, times and ids integers.

use std::sync::Arc;

use allin_core::ids::{AssetId, ListId, MarketId, OrderId, Seq, Timestamp, TradeId, UserId};
use sqlx::mysql::MySqlRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Row as _, TypeInfo as _};

use super::error::{StoreError, StoreErrorKind};
use super::nul;

/// An argument. Cheap to clone, so that a batch can be sent again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Value {
    Int(i64),
    Text(Arc<str>),
}

macro_rules! value_from {
    ($($type:ty: $value:ident => $int:expr),* $(,)?) => {
        $(impl From<$type> for Value {
            fn from($value: $type) -> Value {
                Value::Int($int)
            }
        })*
    };
}

// Unsigned 64-bit numbers keep their bits: SQL has no unsigned type that all databases share. Those that sort (orders,
// trades, sequences, times) never reach the sign bit.
value_from! {
    i64: v => v, u64: v => v as i64, u32: v => i64::from(v), u16: v => i64::from(v), u8: v => i64::from(v),
    bool: v => i64::from(v),
    UserId: v => v.0 as i64, OrderId: v => v.0 as i64, TradeId: v => v.0 as i64, ListId: v => v.0 as i64,
    AssetId: v => i64::from(v.0), MarketId: v => i64::from(v.0), Seq: v => v.0 as i64, Timestamp: v => v.0 as i64,
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text.into())
    }
}

impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Value {
        Value::Text(text)
    }
}

/// The arguments of a statement: `args![user, "text"]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::Value::from($value)),*]
    };
}

/// One row of an answer; columns are counted from 0.
pub struct Row {
    pub(super) inner: Inner,
}

pub(super) enum Inner {
    Sqlite(SqliteRow),
    MySql(MySqlRow),
    Postgres(PgRow),
}

impl Row {
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.int_or_none(column)?
            .ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt, format!("column {column} has no value")))
    }

    /// A number that was stored as [`Value::from`] an unsigned one.
    pub fn unsigned(&self, column: usize) -> Result<u64, StoreError> {
        self.int(column).map(|value| value as u64)
    }

    /// A number within a smaller type's range.
    pub fn small<T: TryFrom<i64>>(&self, column: usize) -> Result<T, StoreError> {
        let value = self.int(column)?;
        T::try_from(value)
            .map_err(|_| StoreError::new(StoreErrorKind::Corrupt, format!("column {column}: {value} is out of range")))
    }

    /// The number, or none where the answer has no value, as `MAX` of nothing.
    pub fn int_or_none(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match &self.inner {
            Inner::Sqlite(row) => row.try_get(column),
            Inner::MySql(row) => match row.try_column(column).map(|column| column.type_info().name()) {
                // Tables have signed ones only; what the server tells of itself may be unsigned.
                Ok("INT UNSIGNED" | "BIGINT UNSIGNED") => row.try_get_unchecked(column),
                _ => row.try_get(column),
            },
            Inner::Postgres(row) => match row.try_column(column).map(|column| column.type_info().name()) {
                // An integer of any size is read in the same way.
                Ok("INT2" | "INT4") => row.try_get_unchecked(column),
                _ => row.try_get(column),
            },
        }
        .map_err(|error| wrong_type(column, error))
    }

    pub fn flag(&self, column: usize) -> Result<bool, StoreError> {
        self.int(column).map(|value| value != 0)
    }

    pub fn text(&self, column: usize) -> Result<String, StoreError> {
        match &self.inner {
            Inner::Sqlite(row) => row.try_get(column),
            Inner::MySql(row) => match row.try_column(column).map(|column| column.type_info().name()) {
                // A long key is kept as bytes.
                Ok("VARBINARY") => row.try_get_unchecked(column),
                _ => row.try_get(column),
            },
            Inner::Postgres(row) => row.try_get(column).map(nul::restored),
        }
        .map_err(|error| wrong_type(column, error))
    }
}

fn wrong_type(column: usize, error: sqlx::Error) -> StoreError {
    StoreError::from_sqlx(format!("column {column}"), error)
}
