BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('a2');
CREATE TABLE annotator (
	id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	created VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_annotator PRIMARY KEY (id), 
	CONSTRAINT uq_annotator_name UNIQUE (name)
);
INSERT INTO "annotator" VALUES(1,'reader 1','2026-11-28T14:20:29.059186+00:00');
INSERT INTO "annotator" VALUES(2,'reader 2','2026-11-28T14:20:30.523568+00:00');
INSERT INTO "annotator" VALUES(3,'reader 3','2026-11-28T14:20:30.790229+00:00');
INSERT INTO "annotator" VALUES(4,'unnamed reader','2026-11-28T14:20:30.932829+00:00');
INSERT INTO "annotator" VALUES(5,'pupil','2026-11-28T14:20:31.163451+00:00');
CREATE TABLE "case" (
	id INTEGER NOT NULL, 
	project_id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	folder TEXT NOT NULL, sha256 VARCHAR(64), split_of INTEGER, 
	CONSTRAINT pk_case PRIMARY KEY (id), 
	CONSTRAINT fk_case_project_id FOREIGN KEY(project_id) REFERENCES project (id), 
	CONSTRAINT uq_case_project_id UNIQUE (project_id, name)
);
INSERT INTO "case" VALUES(1,1,'sub-01','/data/sub-01/flair.nii.gz','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL);
CREATE TABLE entry (
	session_id VARCHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	kind VARCHAR(30) NOT NULL, 
	task_id INTEGER, 
	content TEXT NOT NULL, 
	previous VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_entry PRIMARY KEY (session_id, number), 
	CONSTRAINT fk_entry_session_id FOREIGN KEY(session_id) REFERENCES session (id), 
	CONSTRAINT fk_entry_task_id FOREIGN KEY(task_id) REFERENCES task (id)
);
INSERT INTO "entry" VALUES('123ca27434d344f4a7e5f5a2ae752cdc',1,'2026-11-28T14:20:29.104052+00:00','opened',NULL,'{"covers":2,"session":"9a3a30c635cd56e52397976feaa89a4a412142ca774f9d1a96a1d3447acc0e0c","tasks":4}','0000000000000000000000000000000000000000000000000000000000000000','5c222c58aae8905c8586f7af3795a2d2266c6e2236b3c4c9a1d4843109e0793b');
INSERT INTO "entry" VALUES('123ca27434d344f4a7e5f5a2ae752cdc',2,'2026-11-28T14:20:29.178227+00:00','verdict',1,'{"decision":"accepted","min_volume":3.0,"number":1,"painted":false,"seconds":0.0,"threshold":0.4,"visible":["FLAIR"],"voxel":[0,2,3]}','5c222c58aae8905c8586f7af3795a2d2266c6e2236b3c4c9a1d4843109e0793b','7b97295ff4aabe8dc8cd938d895c9b6a16b35b3b288e71ed8477c77869df591e');
INSERT INTO "entry" VALUES('123ca27434d344f4a7e5f5a2ae752cdc',3,'2026-11-28T14:20:29.263471+00:00','verdict',2,'{"decision":"rejected","min_volume":3.0,"number":2,"painted":false,"threshold":0.4,"visible":["FLAIR"],"voxel":[1,2,3]}','7b97295ff4aabe8dc8cd938d895c9b6a16b35b3b288e71ed8477c77869df591e','f2efe8f0def8005f385bc29a314e59cda23b8c80d795067bd6e345519d920eff');
INSERT INTO "entry" VALUES('123ca27434d344f4a7e5f5a2ae752cdc',4,'2026-11-28T14:20:29.538135+00:00','undo',2,'{"of":3}','f2efe8f0def8005f385bc29a314e59cda23b8c80d795067bd6e345519d920eff','4c8525da8636fb3e3e0782992d1e3f2d5e062e66f11cfdb3eac6d4f579987d0b');
INSERT INTO "entry" VALUES('123ca27434d344f4a7e5f5a2ae752cdc',5,'2026-11-28T14:20:29.623199+00:00','redo',2,'{"of":3}','4c8525da8636fb3e3e0782992d1e3f2d5e062e66f11cfdb3eac6d4f579987d0b','be28c28cb356d801e4a66c74bc5d70a448daafabd1415f134f226a1f527a3c97');
INSERT INTO "entry" VALUES('123ca27434d344f4a7e5f5a2ae752cdc',6,'2026-11-28T14:20:29.835922+00:00','painted',NULL,'{"added_mm3":4.0,"drawn_lesions":1,"mask":"d856d2ba9749a7d0acd41c18f880e5613ad79038c3c493a64c9439bc1de8390b","removed_mm3":0.0,"shape":[6,5,5],"start":[4,1,1]}','be28c28cb356d801e4a66c74bc5d70a448daafabd1415f134f226a1f527a3c97','66a44273684edaa4f7bdafe27f9e82045563e715af3164fcfc06924e31f28831');
INSERT INTO "entry" VALUES('123ca27434d344f4a7e5f5a2ae752cdc',7,'2026-11-28T14:20:29.860177+00:00','added',NULL,'{"label":4,"row":"fd760fa0cb041a14fc0fee37f65bd424a30d0c9c0b87731f9b6b2fea81326847","target":"lesion","voxel":[4,1,1]}','66a44273684edaa4f7bdafe27f9e82045563e715af3164fcfc06924e31f28831','e2d58158c69bea2e7a04b98a4e7deb5d28c305a6afb973b36eab53282cd0df7e');
INSERT INTO "entry" VALUES('123ca27434d344f4a7e5f5a2ae752cdc',8,'2026-11-28T14:20:30.003149+00:00','verdict',5,'{"decision":"accepted","min_volume":3.0,"number":4,"painted":true,"threshold":0.4,"visible":["FLAIR"],"voxel":[4,1,1]}','e2d58158c69bea2e7a04b98a4e7deb5d28c305a6afb973b36eab53282cd0df7e','0f7fd047a0cf3ec23f033bfe7187df24f7af44a9b2bfd96db3ead2b8eac3401b');
INSERT INTO "entry" VALUES('123ca27434d344f4a7e5f5a2ae752cdc',9,'2026-11-28T14:20:30.208308+00:00','verdict',3,'{"decision":"unsure","min_volume":3.0,"number":3,"painted":false,"threshold":0.4,"visible":["FLAIR"],"voxel":[2,2,3]}','0f7fd047a0cf3ec23f033bfe7187df24f7af44a9b2bfd96db3ead2b8eac3401b','adb3a3878ba693484cf60a9efd8f8a14d507fa4fabeff6b6aabebb9c112df5f8');
INSERT INTO "entry" VALUES('123ca27434d344f4a7e5f5a2ae752cdc',10,'2026-11-28T14:20:30.312538+00:00','verdict',3,'{"decision":"withdrawn","min_volume":3.0,"number":1,"painted":false,"threshold":0.4,"visible":["FLAIR"],"voxel":[2,2,3]}','adb3a3878ba693484cf60a9efd8f8a14d507fa4fabeff6b6aabebb9c112df5f8','e70b8d8d5c9a22008cca325e5b73906e217143ffaf2caccac8d52c5ca82b149d');
INSERT INTO "entry" VALUES('123ca27434d344f4a7e5f5a2ae752cdc',11,'2026-11-28T14:20:30.476679+00:00','painted',NULL,'{"mask":null}','e70b8d8d5c9a22008cca325e5b73906e217143ffaf2caccac8d52c5ca82b149d','9cd767996028b23b59aff5bfeb0f8c1f23b50cdae647c97ea0d63311ee885c7e');
INSERT INTO "entry" VALUES('123ca27434d344f4a7e5f5a2ae752cdc',12,'2026-11-28T14:20:30.487835+00:00','closed',NULL,'{"judged":3,"tasks":5}','9cd767996028b23b59aff5bfeb0f8c1f23b50cdae647c97ea0d63311ee885c7e','f82428babd67fb4225ce2ad94bba9aa22fcaf2d957052615844f594d07a4dab2');
INSERT INTO "entry" VALUES('54609bbf769940788c2716599dda993a',1,'2026-11-28T14:20:30.546904+00:00','opened',NULL,'{"covers":2,"session":"a8bbc069dd513269ffd728f130b2fe333c490155a68fb0cd541eb64726248f54","tasks":5}','0000000000000000000000000000000000000000000000000000000000000000','08d86686c468f90d73bc329ad620231457a565d9f3e3d3ca52864d800fae89ec');
INSERT INTO "entry" VALUES('54609bbf769940788c2716599dda993a',2,'2026-11-28T14:20:30.561827+00:00','verdict',9,'{"decision":"accepted","min_volume":3.0,"number":1,"painted":false,"threshold":0.4,"visible":[],"voxel":[0,2,3]}','08d86686c468f90d73bc329ad620231457a565d9f3e3d3ca52864d800fae89ec','995a35f5be4c4ed5b79fa383285b4b6c3386bc233c739b92f71c3c34d5c1455b');
INSERT INTO "entry" VALUES('54609bbf769940788c2716599dda993a',3,'2026-11-28T14:20:30.572716+00:00','verdict',10,'{"decision":"unsure","min_volume":3.0,"number":1,"painted":false,"threshold":0.4,"visible":[],"voxel":[1,2,3]}','995a35f5be4c4ed5b79fa383285b4b6c3386bc233c739b92f71c3c34d5c1455b','83b41fb6ffe5c613db7f85f1d670d373ac58c8b389bd66cba366312ed5bbaab7');
INSERT INTO "entry" VALUES('54609bbf769940788c2716599dda993a',4,'2026-11-28T14:20:30.584552+00:00','verdict',7,'{"decision":"rejected","min_volume":3.0,"number":1,"painted":false,"threshold":0.4,"visible":[],"voxel":[4,1,1]}','83b41fb6ffe5c613db7f85f1d670d373ac58c8b389bd66cba366312ed5bbaab7','fadbc455ff4b9fda343225e732cfa6ed1eba0ef47995be4d5dcc9974c25b4b52');
INSERT INTO "entry" VALUES('54609bbf769940788c2716599dda993a',5,'2026-11-28T14:20:30.600309+00:00','closed',NULL,'{"judged":3,"tasks":5}','fadbc455ff4b9fda343225e732cfa6ed1eba0ef47995be4d5dcc9974c25b4b52','df9c2c9d4691d3f3474583a282795c48e18b6480a5e7a2aea50f695ca62b0203');
INSERT INTO "entry" VALUES('71ab27ddf9594815bf9646b9dfb7a12c',1,'2026-11-28T14:20:30.871616+00:00','opened',NULL,'{"covers":2,"session":"f2187ce37c9dd39e23d2bc6c1a8714245ddda6201e9896f3b451ca3511474aa2","tasks":2}','0000000000000000000000000000000000000000000000000000000000000000','a124039ca8b77988f1d65cadc8bb3fe74bee0d59acb857856c67163dd665839c');
INSERT INTO "entry" VALUES('e9493657e07442e28dc8af8ec2b1e40e',1,'2026-11-28T14:20:31.018946+00:00','opened',NULL,'{"covers":2,"session":"b20b39b121b156eced5cb17b26b4a72128b1f3894a52aea08409388304ff5fbe","tasks":1}','0000000000000000000000000000000000000000000000000000000000000000','c1e6d1cc33005eaaba0b25b9955493a0501bbfc81d8360d2e38d86d8b3b1b913');
INSERT INTO "entry" VALUES('e9493657e07442e28dc8af8ec2b1e40e',2,'2026-11-28T14:20:31.099988+00:00','closed',NULL,'{"judged":0,"tasks":1}','c1e6d1cc33005eaaba0b25b9955493a0501bbfc81d8360d2e38d86d8b3b1b913','ce2a1bf70e8c00ff1973286cf4e046cd7528b2462f804f65b03403f9e543db6e');
INSERT INTO "entry" VALUES('c91899a58be445fc8b70f3422d657b83',1,'2026-11-28T14:20:31.195892+00:00','opened',NULL,'{"covers":2,"session":"dc06eebc7c498e396919746b21baa13abedeb8f63f997b08175bcbe32b7f37e9","tasks":3}','0000000000000000000000000000000000000000000000000000000000000000','d3ca1d5cd5ee8225d58f0add647d5ab183725f4e8db65af5dc7d25c12e762496');
INSERT INTO "entry" VALUES('c91899a58be445fc8b70f3422d657b83',2,'2026-11-28T14:20:31.280145+00:00','verdict',14,'{"confidence":0.9,"decision":"accepted","seconds":0.0}','d3ca1d5cd5ee8225d58f0add647d5ab183725f4e8db65af5dc7d25c12e762496','a2b758e09c7ab9ebfef5cd0cb8bee71fbac7bfbfae1e27e770205530306f5bfb');
INSERT INTO "entry" VALUES('c91899a58be445fc8b70f3422d657b83',3,'2026-11-28T14:20:31.382118+00:00','verdict',15,'{"confidence":0.6,"decision":"accepted","seconds":0.065}','a2b758e09c7ab9ebfef5cd0cb8bee71fbac7bfbfae1e27e770205530306f5bfb','6288b264f6c1626584393185a81dfe11a8f6149c2d842c20585194751096d22f');
INSERT INTO "entry" VALUES('c91899a58be445fc8b70f3422d657b83',4,'2026-11-28T14:20:31.546103+00:00','first',16,'{"confidence":0.7,"is_lesion":false,"seconds":0.236}','6288b264f6c1626584393185a81dfe11a8f6149c2d842c20585194751096d22f','ca88512ac4160f622c2c020c346303884dcd4fc6059530d30246777fc41a63b8');
INSERT INTO "entry" VALUES('c91899a58be445fc8b70f3422d657b83',5,'2026-11-28T14:20:31.621708+00:00','verdict',16,'{"confidence":0.8,"decision":"accepted","seconds":0.312}','ca88512ac4160f622c2c020c346303884dcd4fc6059530d30246777fc41a63b8','8d4cea6b58f2438767ba626691464085643b7b7cafcaa3df6b1c98d65f5b4eb0');
INSERT INTO "entry" VALUES('c91899a58be445fc8b70f3422d657b83',6,'2026-11-28T14:20:31.718209+00:00','closed',NULL,'{"answered":3}','8d4cea6b58f2438767ba626691464085643b7b7cafcaa3df6b1c98d65f5b4eb0','9446a320c02a9fac8426a65297c48517cd88481f7cb1b81b761b3f3a6c01c15f');
INSERT INTO "entry" VALUES('15ca65170f964e4688ee5448ab7988c4',1,'2026-11-28T14:20:31.761345+00:00','opened',NULL,'{"covers":2,"session":"91d8034df5cebc43e3c2d462dbd21c39042cb7abe3331823dd2cfbf43c7773ba","tasks":1}','0000000000000000000000000000000000000000000000000000000000000000','291b48bf6324999001cf615ef819fb9871d5720fe0848ed63e6e8c2999db0aaa');
INSERT INTO "entry" VALUES('15ca65170f964e4688ee5448ab7988c4',2,'2026-11-28T14:20:31.844640+00:00','verdict',17,'{"confidence":0.8,"decision":"outlined","mask":"830bc375f215a23ce3adb8b25b24280da36528107dd43fb1c58e69f99f2c6ac2","score":{"consensus_mm3":8.0,"dice":0.625,"hd95_mm":null,"inner_right":null,"lesion_f1":0.5,"outer_covers":0.5,"slices":3,"volume_mm3":5.0}}','291b48bf6324999001cf615ef819fb9871d5720fe0848ed63e6e8c2999db0aaa','57419fbd974d2031f4011d55f53ce66bd8535dc5386fbe9bea5c8ced8d134b9e');
INSERT INTO "entry" VALUES('15ca65170f964e4688ee5448ab7988c4',3,'2026-11-28T14:20:31.876275+00:00','closed',NULL,'{}','57419fbd974d2031f4011d55f53ce66bd8535dc5386fbe9bea5c8ced8d134b9e','1ec1a19e217703e6607cfce29636095ec0386aafb02ca4d95deafba4dcdba60c');
CREATE TABLE output (
	id INTEGER NOT NULL, 
	case_id INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	model VARCHAR(200) NOT NULL, 
	model_sha256 VARCHAR(64) NOT NULL, 
	method VARCHAR(50) NOT NULL, 
	threshold FLOAT NOT NULL, 
	CONSTRAINT pk_output PRIMARY KEY (id), 
	CONSTRAINT fk_output_case_id FOREIGN KEY(case_id) REFERENCES "case" (id), 
	CONSTRAINT uq_output_case_id UNIQUE (case_id, sha256)
);
INSERT INTO "output" VALUES(1,1,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','bundled','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','layers',0.4);
CREATE TABLE project (
	id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	created VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_project PRIMARY KEY (id), 
	CONSTRAINT uq_project_name UNIQUE (name)
);
INSERT INTO "project" VALUES(1,'review','2026-11-28T14:20:28.649480+00:00');
INSERT INTO "project" VALUES(2,'training','2026-11-28T14:20:31.132196+00:00');
CREATE TABLE session (
	id VARCHAR(32) NOT NULL, 
	project_id INTEGER NOT NULL, 
	annotator_id INTEGER NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	settings JSON NOT NULL, 
	opened VARCHAR(32) NOT NULL, 
	closed VARCHAR(32), 
	CONSTRAINT pk_session PRIMARY KEY (id), 
	CONSTRAINT ck_session_kind CHECK (kind IN ('review', 'training', 'qc')), 
	CONSTRAINT fk_session_annotator_id FOREIGN KEY(annotator_id) REFERENCES annotator (id), 
	CONSTRAINT fk_session_project_id FOREIGN KEY(project_id) REFERENCES project (id)
);
INSERT INTO "session" VALUES('123ca27434d344f4a7e5f5a2ae752cdc',1,1,'review','{"order": "gain", "threshold": 0.4, "min_volume": 3.0, "ranks": [0, 2, 1, 3], "drawn": [2, 0], "members": 9, "case": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "flair": "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd", "model": "bundled", "method": "layers"}','2026-11-28T14:20:29.067609+00:00','2026-11-28T14:20:30.487835+00:00');
INSERT INTO "session" VALUES('54609bbf769940788c2716599dda993a',1,2,'qc','{"threshold": 0.4, "min_volume": 3.0, "of": "123ca27434d344f4a7e5f5a2ae752cdc", "reading": 2, "order": "random", "seed": 0, "ranks": [0, 1, 2, 3, 4], "drawn": [0, 1, 2, 3, 4]}','2026-11-28T14:20:30.537884+00:00','2026-11-28T14:20:30.600309+00:00');
INSERT INTO "session" VALUES('71ab27ddf9594815bf9646b9dfb7a12c',1,3,'qc','{"threshold": 0.4, "min_volume": 3.0, "of": "123ca27434d344f4a7e5f5a2ae752cdc", "reading": 3, "order": "random", "seed": 0, "ranks": [0, 1], "drawn": [0, 1]}','2026-11-28T14:20:30.833502+00:00',NULL);
INSERT INTO "session" VALUES('e9493657e07442e28dc8af8ec2b1e40e',1,4,'review','{"order": "doubt", "threshold": 0.4, "min_volume": 3.0, "ranks": [0], "drawn": [], "members": null, "case": null, "flair": null, "model": "bundled", "method": "layers", "kept": "by default"}','2026-11-28T14:20:30.998085+00:00','2026-11-28T14:20:31.099988+00:00');
INSERT INTO "session" VALUES('c91899a58be445fc8b70f3422d657b83',2,5,'training','{"exists": [true, false, true], "arms": ["without", "first", "after"], "depth_mm": [3.0, 20.0, 15.0], "threshold": 0.5, "seed": 7}','2026-11-28T14:20:31.174363+00:00','2026-11-28T14:20:31.718209+00:00');
INSERT INTO "session" VALUES('15ca65170f964e4688ee5448ab7988c4',2,5,'training','{"outline": true}','2026-11-28T14:20:31.751657+00:00','2026-11-28T14:20:31.876275+00:00');
CREATE TABLE task (
	id INTEGER NOT NULL, 
	session_id VARCHAR(32) NOT NULL, 
	position INTEGER NOT NULL, 
	case_id INTEGER NOT NULL, 
	output_id INTEGER, 
	target VARCHAR(20) NOT NULL, 
	label INTEGER NOT NULL, 
	voxel_s INTEGER NOT NULL, 
	voxel_a INTEGER NOT NULL, 
	voxel_r INTEGER NOT NULL, 
	uncertainty FLOAT, 
	probability FLOAT, 
	volume_mm3 FLOAT, 
	CONSTRAINT pk_task PRIMARY KEY (id), 
	CONSTRAINT ck_task_target CHECK (target IN ('lesion', 'candidate', 'case')), 
	CONSTRAINT fk_task_case_id FOREIGN KEY(case_id) REFERENCES "case" (id), 
	CONSTRAINT fk_task_output_id FOREIGN KEY(output_id) REFERENCES output (id), 
	CONSTRAINT fk_task_session_id FOREIGN KEY(session_id) REFERENCES session (id), 
	CONSTRAINT uq_task_session_id UNIQUE (session_id, position)
);
INSERT INTO "task" VALUES(1,'123ca27434d344f4a7e5f5a2ae752cdc',0,1,1,'lesion',1,0,2,3,0.9,0.5,12.0);
INSERT INTO "task" VALUES(2,'123ca27434d344f4a7e5f5a2ae752cdc',1,1,1,'lesion',2,1,2,3,0.8,0.5,12.0);
INSERT INTO "task" VALUES(3,'123ca27434d344f4a7e5f5a2ae752cdc',2,1,1,'lesion',3,2,2,3,0.7,0.5,12.0);
INSERT INTO "task" VALUES(4,'123ca27434d344f4a7e5f5a2ae752cdc',3,1,1,'candidate',4,3,2,3,6.00000000000000088817e-01,0.5,12.0);
INSERT INTO "task" VALUES(5,'123ca27434d344f4a7e5f5a2ae752cdc',4,1,1,'lesion',4,4,1,1,NULL,NULL,NULL);
INSERT INTO "task" VALUES(6,'54609bbf769940788c2716599dda993a',0,1,1,'lesion',3,2,2,3,0.7,0.5,12.0);
INSERT INTO "task" VALUES(7,'54609bbf769940788c2716599dda993a',1,1,1,'lesion',4,4,1,1,NULL,NULL,NULL);
INSERT INTO "task" VALUES(8,'54609bbf769940788c2716599dda993a',2,1,1,'candidate',4,3,2,3,6.00000000000000088817e-01,0.5,12.0);
INSERT INTO "task" VALUES(9,'54609bbf769940788c2716599dda993a',3,1,1,'lesion',1,0,2,3,0.9,0.5,12.0);
INSERT INTO "task" VALUES(10,'54609bbf769940788c2716599dda993a',4,1,1,'lesion',2,1,2,3,0.8,0.5,12.0);
INSERT INTO "task" VALUES(11,'71ab27ddf9594815bf9646b9dfb7a12c',0,1,1,'lesion',2,1,2,3,0.8,0.5,12.0);
INSERT INTO "task" VALUES(12,'71ab27ddf9594815bf9646b9dfb7a12c',1,1,1,'lesion',4,4,1,1,NULL,NULL,NULL);
INSERT INTO "task" VALUES(13,'e9493657e07442e28dc8af8ec2b1e40e',0,1,1,'lesion',1,0,2,3,0.9,0.5,12.0);
INSERT INTO "task" VALUES(14,'c91899a58be445fc8b70f3422d657b83',0,1,1,'lesion',0,0,1,1,NULL,0.4,0.0);
INSERT INTO "task" VALUES(15,'c91899a58be445fc8b70f3422d657b83',1,1,1,'lesion',0,1,1,1,NULL,0.4,5.0);
INSERT INTO "task" VALUES(16,'c91899a58be445fc8b70f3422d657b83',2,1,1,'lesion',0,2,1,1,NULL,0.4,10.0);
INSERT INTO "task" VALUES(17,'15ca65170f964e4688ee5448ab7988c4',0,1,1,'case',0,1,1,1,NULL,NULL,5.0);
CREATE TABLE verdict (
	task_id INTEGER NOT NULL, 
	session_id VARCHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	decision VARCHAR(20) NOT NULL, 
	confidence FLOAT, 
	seconds FLOAT, 
	comment TEXT NOT NULL, 
	mask_sha256 VARCHAR(64), 
	CONSTRAINT pk_verdict PRIMARY KEY (task_id), 
	CONSTRAINT fk_verdict_session_id FOREIGN KEY(session_id) REFERENCES session (id), 
	CONSTRAINT fk_verdict_task_id FOREIGN KEY(task_id) REFERENCES task (id)
);
INSERT INTO "verdict" VALUES(1,'123ca27434d344f4a7e5f5a2ae752cdc',2,'accepted',NULL,0.0,'',NULL);
INSERT INTO "verdict" VALUES(2,'123ca27434d344f4a7e5f5a2ae752cdc',3,'rejected',NULL,NULL,'',NULL);
INSERT INTO "verdict" VALUES(5,'123ca27434d344f4a7e5f5a2ae752cdc',8,'accepted',NULL,NULL,'',NULL);
INSERT INTO "verdict" VALUES(7,'54609bbf769940788c2716599dda993a',4,'rejected',NULL,NULL,'',NULL);
INSERT INTO "verdict" VALUES(9,'54609bbf769940788c2716599dda993a',2,'accepted',NULL,NULL,'',NULL);
INSERT INTO "verdict" VALUES(10,'54609bbf769940788c2716599dda993a',3,'unsure',NULL,NULL,'',NULL);
INSERT INTO "verdict" VALUES(14,'c91899a58be445fc8b70f3422d657b83',2,'accepted',0.9,0.0,'',NULL);
INSERT INTO "verdict" VALUES(15,'c91899a58be445fc8b70f3422d657b83',3,'accepted',0.6,0.065,'',NULL);
INSERT INTO "verdict" VALUES(16,'c91899a58be445fc8b70f3422d657b83',5,'accepted',0.8,0.312,'',NULL);
INSERT INTO "verdict" VALUES(17,'15ca65170f964e4688ee5448ab7988c4',2,'outlined',0.8,NULL,'','830bc375f215a23ce3adb8b25b24280da36528107dd43fb1c58e69f99f2c6ac2');
CREATE INDEX ix_verdict_session_id ON verdict (session_id);
CREATE UNIQUE INDEX ix_case_sha256 ON "case" (project_id, sha256);
COMMIT;
