# Databases and caches, one of each for spot and for futures, as the topology names them.

resource "aws_db_subnet_group" "main" {
  name       = var.name
  subnet_ids = aws_subnet.private[*].id
}

resource "aws_rds_cluster_parameter_group" "main" {
  name   = "${var.name}-aurora-mysql8"
  family = "aurora-mysql8.0"

  parameter {
    name  = "character_set_server"
    value = "utf8mb4"
  }

  parameter {
    name  = "time_zone"
    value = "UTC"
  }
}

resource "aws_rds_cluster" "main" {
  for_each = local.databases

  cluster_identifier              = each.key
  engine                          = "aurora-mysql"
  engine_version                  = "8.0"
  database_name                   = each.key
  port                            = each.value.port
  master_username                 = "allin"
  manage_master_user_password     = true
  db_subnet_group_name            = aws_db_subnet_group.main.name
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.main.name
  vpc_security_group_ids          = [aws_security_group.middleware[each.key].id]
  storage_encrypted               = true
  backup_retention_period         = 14
  preferred_backup_window         = "18:00-19:00"
  copy_tags_to_snapshot           = true
  deletion_protection             = true
  final_snapshot_identifier       = "${each.key}-final"
  enabled_cloudwatch_logs_exports = ["error", "slowquery"]
}

# One that writes and one that takes over, in different zones.
resource "aws_rds_cluster_instance" "main" {
  for_each = {
    for pair in setproduct(keys(local.databases), range(2)) : "${pair[0]}-${pair[1]}" => pair[0]
  }

  identifier                   = each.key
  cluster_identifier           = aws_rds_cluster.main[each.value].id
  engine                       = aws_rds_cluster.main[each.value].engine
  engine_version               = aws_rds_cluster.main[each.value].engine_version
  instance_class               = var.database_class
  db_subnet_group_name         = aws_db_subnet_group.main.name
  performance_insights_enabled = true
}

resource "aws_elasticache_subnet_group" "main" {
  name       = var.name
  subnet_ids = aws_subnet.private[*].id
}

# Everything in them may be lost at any time, so they are not backed up.
resource "aws_elasticache_replication_group" "main" {
  for_each = local.caches

  replication_group_id       = each.key
  description                = "Cache of ${each.value.domain}"
  engine                     = "valkey"
  engine_version             = "8.0"
  node_type                  = var.cache_type
  num_cache_clusters         = 2
  automatic_failover_enabled = true
  multi_az_enabled           = true
  port                       = each.value.port
  subnet_group_name          = aws_elasticache_subnet_group.main.name
  security_group_ids         = [aws_security_group.middleware[each.key].id]
  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
  transit_encryption_mode    = "preferred"
}
