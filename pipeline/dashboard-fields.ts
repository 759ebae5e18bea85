import type { ColumnIdentifier, DimensionField, MeasureField, NumberFormatConfiguration } from '@aws-sdk/client-quicksight';
import type { DataSetName } from './dashboard.ts';

/** A column of a data set. */
export const column = (dataSet: DataSetName, name: string): ColumnIdentifier => ({ DataSetIdentifier: dataSet, ColumnName: name });

/** A dimension of time, cut to the granularity. */
export const date = (FieldId: string, dataSet: DataSetName, name: string, DateGranularity: 'SECOND' | 'MINUTE'): DimensionField => ({
  DateDimensionField: { FieldId, Column: column(dataSet, name), DateGranularity },
});

/** A dimension of names. */
export const word = (FieldId: string, dataSet: DataSetName, name: string): DimensionField => ({
  CategoricalDimensionField: { FieldId, Column: column(dataSet, name) },
});

/** The sum of a column. */
export const total = (FieldId: string, dataSet: DataSetName, name: string): MeasureField => ({
  NumericalMeasureField: { FieldId, Column: column(dataSet, name), AggregationFunction: { SimpleNumericalAggregation: 'SUM' } },
});

/** Kills per death: a calculated field that aggregates by itself takes no aggregation function. */
export const ratio = (FieldId: string, dataSet: DataSetName): MeasureField => ({
  NumericalMeasureField: { FieldId, Column: column(dataSet, 'Kill ratio'), FormatConfiguration: TWO_DECIMALS },
});

const TWO_DECIMALS: NumberFormatConfiguration = {
  FormatConfiguration: { NumberDisplayFormatConfiguration: { DecimalPlacesConfiguration: { DecimalPlaces: 2 } } },
};

/** A visual's title. */
export const title = (text: string) => ({ Visibility: 'VISIBLE' as const, FormatText: { PlainText: text } });
/** For an axis that explains itself. */
export const NO_LABEL = { Visibility: 'HIDDEN' as const };
