import * as schemas from '@aws-sdk/client-glue';
import type { Service } from '../aws.ts';
import * as crawlers from './crawlers.ts';
import * as databases from './databases.ts';
import * as partitions from './partitions.ts';
import { resumeCrawls } from './run-crawl.ts';
import * as tables from './tables.ts';
import * as tags from './tags.ts';

/** The Glue data catalog and its crawlers. */
export const glue: Service = {
  name: 'glue',
  protocol: 'json',
  schemas,
  operations: {
    BatchCreatePartition: partitions.batchCreatePartition,
    BatchDeletePartition: partitions.batchDeletePartition,
    BatchDeleteTable: tables.batchDeleteTable,
    BatchUpdatePartition: partitions.batchUpdatePartition,
    CreateCrawler: crawlers.createCrawler,
    CreateDatabase: databases.createDatabase,
    CreatePartition: partitions.createPartition,
    CreateTable: tables.createTable,
    DeleteCrawler: crawlers.deleteCrawler,
    DeleteDatabase: databases.deleteDatabase,
    DeletePartition: partitions.deletePartition,
    DeleteTable: tables.deleteTable,
    GetCrawler: crawlers.getCrawler,
    GetCrawlers: crawlers.getCrawlers,
    GetDatabase: databases.getDatabase,
    GetDatabases: databases.getDatabases,
    GetPartition: partitions.getPartition,
    GetPartitions: partitions.getPartitions,
    GetTable: tables.getTable,
    GetTables: tables.getTables,
    GetTags: tags.getTags,
    ListCrawlers: crawlers.listCrawlers,
    ListCrawls: crawlers.listCrawls,
    StartCrawler: crawlers.startCrawler,
    StopCrawler: crawlers.stopCrawler,
    TagResource: tags.tagResource,
    UntagResource: tags.untagResource,
    UpdateCrawler: crawlers.updateCrawler,
    UpdateDatabase: databases.updateDatabase,
    UpdateTable: tables.updateTable,
  },
  start: resumeCrawls,
};
