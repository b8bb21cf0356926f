//! Tables that are read column by column, alike in both engines.

/// A struct with a field for each column of a table, in the order in which queries name them, and how it is read from a row.
macro_rules! columns {
    (
        $(#[$meta:meta])*
        struct $stored:ident of $table:literal { $($column:ident: $kind:ty),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub(super) struct $stored {
            $(pub(super) $column: $kind,)+
        }

        impl $stored {
            /// An error about a column of this table.
            fn wrong(column: &'static str) -> $crate::store::StoreError {
                $crate::store::StoreError::Inconsistent {
                    table: $table,
                    column,
                }
            }

            /// A row of a query for every column in this order.
            pub(super) fn of<'r, R>(row: &'r R) -> Result<Self, $crate::store::StoreError>
            where
                R: sqlx::Row,
                usize: sqlx::ColumnIndex<R>,
                $($kind: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,)+
            {
                let mut places = 0..;
                let mut place = || places.next().unwrap_or_default();
                Ok(Self {
                    $($column: row.try_get(place()).map_err(|_| Self::wrong(stringify!($column)))?,)+
                })
            }
        }
    };
}

pub(super) use columns;
